"""Sections of the page, each made from rows of `report.reading`."""
