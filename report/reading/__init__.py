"""What the page asks the database: few rows, however many the tables hold.

The server adds up; histories come thinned to `POINTS` days, lists end after the first
few. All questions of a page are asked in one transaction that sees one moment.
"""
