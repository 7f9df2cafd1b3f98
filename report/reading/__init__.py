"""Queries of the page. They return few rows, however large the tables are.

The server aggregates. Histories are thinned to `POINTS` days, lists are limited. All
queries of a page run in one transaction, on one snapshot.
"""
