"""The gate of dbt: ``python -m review`` parses the project and judges what it says.

What dbt only warns of is an error, and the rules of dbt-project-evaluator hold, but for
the exceptions in ``exceptions.yml``, each with its reason (docs/adr/0024).
"""
