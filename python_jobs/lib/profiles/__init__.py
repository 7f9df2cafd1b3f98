"""Figures of a trader over time, classes and cohorts."""
