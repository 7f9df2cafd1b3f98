"""How traders and their positions are distributed."""

from __future__ import annotations

from collections.abc import Sequence

from report.blocks import Block, Row, Section
from report.drawing.groups import ATTRIBUTES, group
from report.drawing.holding import holding_times, in_words
from report.drawing.rates import rates
from report.reading.ask import Record


def section(
    holding: Sequence[Record], groups: Sequence[Record], scattered: Sequence[Record]
) -> Section:
    """Return the section; the parameters are what `report.reading.traders` gives."""
    blocks: list[Block] = []
    lead = []
    if holding:
        blocks.append(holding_times(holding))
        lead.append(in_words(holding))
    blocks.append(Row([group(groups, *attribute) for attribute in ATTRIBUTES]))
    if scattered:
        blocks.append(rates(scattered))
    return Section("distributions", "Distributions", "How they trade", lead, blocks)
