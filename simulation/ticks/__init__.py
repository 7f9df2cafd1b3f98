"""Simulator of bitcoin trades, written the way venues publish and people record them.

`market` makes one price for all venues, `orders` turns it into each venue's trades,
`recordings` writes these into files, with what goes wrong in recordings, and `truth`
keeps beside them what a reader should find.
"""
