"""What a page is made of: sections of tiles, charts and tables.

Texts are plain: the template escapes them. Plotly reads text of figures as markup: see
`report.figures.plain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from report.tables import Table, Tone


@dataclass(frozen=True)
class Tile:
    """One large figure with its label and a note."""

    label: str
    value: str
    note: str = ""
    tone: Tone = ""


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    tiles: Sequence[Tile]
    kind: Literal["tiles"] = "tiles"


@dataclass(frozen=True)
class Mark:
    """An entry of a chart's legend; `colour` is one of the light theme."""

    label: str
    colour: str
    shape: Literal["block", "line", "dot", "diamond"] = "block"


@dataclass(frozen=True)
class View:
    """One way to draw a chart: a label, and a figure as Plotly's JSON object.

    The page draws the legend, not Plotly: so it wraps, and takes no room from the chart
    on a narrow screen. `scale` explains the colours of a heat map, lowest first.
    """

    label: str
    figure: dict[str, Any]
    legend: Sequence[Mark] = ()
    scale: Sequence[str] = ()


@dataclass(frozen=True)
class Chart:
    """A chart of one or several views, and the same in words and as a table.

    Attributes
    ----------
    key
        Unique in the page.
    alternative
        What a reader who cannot see it should know.
    height, phone_height
        CSS pixels.
    phone
        Layout settings that replace the figure's own on a narrow screen, by their path
        (``xaxis.range``).
    is_small
        Whether it is one of many, four to a row.
    """

    key: str
    title: str
    alternative: str
    views: Sequence[View]
    table: Table | None = None
    note: str = ""
    height: int = 380
    phone_height: int = 340
    phone: dict[str, Any] = field(default_factory=dict)
    is_small: bool = False
    kind: Literal["chart"] = "chart"


@dataclass(frozen=True)
class Row:
    """Charts and tables beside each other where there is room."""

    blocks: Sequence[Chart | Table]
    kind: Literal["row"] = "row"


Block = Tiles | Chart | Table | Row


@dataclass(frozen=True)
class Section:
    """A part of the page; `lead` describes in sentences what it shows."""

    key: str
    name: str
    title: str
    lead: Sequence[str]
    blocks: Sequence[Block] = ()

    def parts(self) -> list[Tiles | Chart | Table]:
        """Return what is in it, in order, whether side by side or not."""
        found: list[Tiles | Chart | Table] = []
        for block in self.blocks:
            if isinstance(block, Row):
                found += block.blocks
            else:
                found.append(block)
        return found

    def charts(self) -> list[Chart]:
        """Return the charts in it, in order."""
        return [each for each in self.parts() if isinstance(each, Chart)]
