"""The sample data of `make run`, and beside it the truth that a reader should find.

`python -m simulation fills` writes what an exchange like Hyperliquid publishes (package
`fills`), `python -m simulation ticks` what people record of venues that trade bitcoin
(package `ticks`). Numbers are drawn by numpy, many at once, from generators whose seeds
name what they are for; the same options give the same bytes. The truth never looks into
the models' code, and the models never into this package, which is not installed.
"""
