"""The sections of the page: in each module its queries, then its texts and charts.

Queries return few rows, however large the tables are: the server aggregates, lists are
limited, and histories are thinned to `report.ask.POINTS` days.
"""
