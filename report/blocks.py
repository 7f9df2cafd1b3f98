"""What a page is made of: sections of tiles, charts and tables.

Texts are plain: the template escapes them. Plotly reads text of figures as markup: see
`report.drawing.common.plain`.
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
        The sort key: numbers by size, None last; if all are None, the text.
    tone
        ``up`` and ``down`` colour it as gains and losses.
    title
        The full text, if only a part is shown.
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

    def charts(self) -> list[Chart]:
        """Return the charts in it, in order."""
        found: list[Chart] = []
        for block in self.blocks:
            if isinstance(block, Row):
                found += [each for each in block.blocks if isinstance(each, Chart)]
            elif isinstance(block, Chart):
                found.append(block)
        return found
