"""Compute models on many machines with Spark, with the same result.

Spark moves and sorts the rows and calls the project's own code on Arrow batches. See
`docs/beyond_one_machine.md`.
"""
