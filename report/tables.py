"""Tables: columns that know how to read and write their cells."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

from report.ask import Record

Tone = Literal["", "up", "down"]
Write = Callable[[Any], str]


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
    """

    text: str
    sort: float | None = None
    tone: Tone = ""
    title: str = ""


@dataclass(frozen=True)
class Column:
    """A table's column.

    Attributes
    ----------
    value
        A key of the rows, or a function of a row.
    write
        How its numbers are written; None for text, which is aligned left.
    note
        Explains the heading.
    is_toned
        Whether gains and losses are coloured.
    is_name
        Whether it is a text of any length, of which the beginning is shown.
    """

    heading: str
    value: str | Callable[[Record], Any]
    write: Write | None = None
    note: str = ""
    is_toned: bool = False
    is_name: bool = False

    def cell(self, row: Record) -> Cell:
        """Return the column's cell of a row."""
        value = row[self.value] if isinstance(self.value, str) else self.value(row)
        if self.write is None:
            return Cell(value, title=value if self.is_name else "")
        return cell(value, self.write, toned=self.is_toned)


@dataclass(frozen=True)
class Table:
    """Rows of cells; `is_sortable` makes headings buttons."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    is_sortable: bool = False
    kind: Literal["table"] = "table"

    @classmethod
    def of(
        cls,
        caption: str,
        rows: Iterable[Record],
        *columns: Column,
        is_sortable: bool = False,
    ) -> Self:
        """Make the table of rows that a query returned."""
        cells = [[column.cell(row) for column in columns] for row in rows]
        return cls(caption, columns, cells, is_sortable)


def gains(
    heading: str, value: str | Callable[[Record], Any], write: Write, note: str = ""
) -> Column:
    """Make a column whose gains and losses are coloured."""
    return Column(heading, value, write, note, is_toned=True)


def tone(value: float | None) -> Tone:
    """Colour a gain or a loss."""
    return "" if not value else "up" if value > 0 else "down"


def cell(value: float | None, write: Write, *, toned: bool = False) -> Cell:
    """Make a cell of a number, which sorts by it."""
    text = write(value)
    is_zero = not text.strip("$−+0.%")
    return Cell(text, value, tone(value) if toned and not is_zero else "")
