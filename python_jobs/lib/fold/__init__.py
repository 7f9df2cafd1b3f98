"""Fills to positions: the order of fills, the fold, and what it writes."""
