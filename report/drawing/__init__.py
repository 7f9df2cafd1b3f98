"""Sections of the page, each made of what `report.reading` gives it."""
