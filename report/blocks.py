"""What a page is made of: sections of tiles, charts and tables.

Texts in here are plain: the template escapes them. Only figures are given text that
their library reads as markup: see `report.drawing.common.plain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Tone = Literal["", "up", "down"]


@dataclass(frozen=True)
class Cell:
    """A table's cell.

    Attributes
    ----------
    text
        What is shown.
    sort
        What it is sorted by: numbers by size, None last; the text where there is none.
    tone
        ``up`` and ``down`` colour it as gains and losses.
    title
        The whole of a text that is shown in part.
    trail
        Values of a small line, drawn instead of the text.
    """

    text: str
    sort: float | None = None
    tone: Tone = ""
    title: str = ""
    trail: tuple[float, ...] = ()


@dataclass(frozen=True)
class Column:
    """A table's column; numbers are aligned right, `note` explains the heading."""

    heading: str
    is_number: bool = True
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells; `is_sortable` makes headings buttons, `footer` stays last."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    is_sortable: bool = False
    footer: Sequence[Cell] = ()
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Tile:
    """One figure, large, with what it is and what to know about it."""

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
    """What a colour of a chart stands for; `colour` is one of the light theme."""

    label: str
    colour: str
    shape: Literal["block", "line", "dot", "diamond"] = "block"


@dataclass(frozen=True)
class View:
    """One way to draw a chart: a label, and a figure as Plotly's JSON object.

    The legend is the page's and not Plotly's: it wraps, and takes nothing from the
    chart on a narrow screen. `scale` has what the colours of a heat map stand for, from
    the lowest to the highest.
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
        Layout settings that replace the figures' own where it is narrow, by their path
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
    """A part of the page; `lead` says in sentences what is to be seen."""

    key: str
    name: str
    title: str
    lead: Sequence[str]
    blocks: Sequence[Block] = ()

    def charts(self) -> list[Chart]:
        """Return the charts in it, in order."""
        found: list[Chart] = []
        for block in self.blocks:
            if isinstance(block, Row):
                found += [each for each in block.blocks if isinstance(each, Chart)]
            elif isinstance(block, Chart):
                found.append(block)
        return found
