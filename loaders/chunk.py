"""The types that readers yield, and the description of a table with keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

#: Rows decoded and checked at once: few enough that the allocator reuses their buffers.
CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class BadRow:
    """An invalid row.

    Attributes
    ----------
    row_number
        Number of the row (Parquet), event (archive) or line (text) in the object, from
        1.
    reason
        Column, error and value.
    raw
        The original row, as JSON text.
    is_too_old
        The row is valid, but older rows than it were dropped from the table.
    """

    row_number: int
    reason: str
    raw: str
    is_too_old: bool = False


def raw_json(row: Any) -> str:
    """Return a raw row as JSON that ``jsonb`` accepts, without NUL characters."""
    text = orjson.dumps(
        row, default=str, option=orjson.OPT_NON_STR_KEYS | orjson.OPT_UTC_Z
    ).decode()
    return text.replace("\\u0000", "\\ufffd")


@dataclass(frozen=True)
class Chunk:
    """A part of an object.

    Attributes
    ----------
    rows
        The valid rows, with the names and order of the table's columns.
    rows_read
        Rows of the object in this chunk, invalid ones included.
    progress
        Share of the object read up to here, 0 to 1.
    bad
        The refused rows.
    skipped
        Rows of other kinds, which do not belong in the table.
    numbers
        Numbers of the valid rows in the object; by default valid and refused rows are
        counted on from the chunk before.
    """

    rows: pa.RecordBatch
    rows_read: int
    progress: float
    bad: list[BadRow] = field(default_factory=list)
    skipped: int = 0
    numbers: pa.Array | None = None


Reader = Callable[[Path, datetime | None, Mapping[str, str] | None], Iterator[Chunk]]


@dataclass(frozen=True)
class Table:
    """What the loader needs to know of a raw table with unique keys.

    Attributes
    ----------
    relation
        The table, ``schema.name``.
    time_column
        The column whose range is written to the load log.
    to_datetime
        Turns a value of that column into an aware datetime.
    from_datetime
        The inverse of `to_datetime`.
    readers
        Reader by format name. A reader takes a local file, the first instant whose rows
        are kept (None if none were ever dropped; older rows are refused as late), and
        values of columns that the file does not have. It yields the chunks of the file,
        and raises `ObjectError` if the file cannot be read as that format.
    suffixes
        File suffix to format name.
    recognise
        Returns the format of a local file, by its content or first bytes; None if
        unknown.
    keys
        For the columns of each unique key, the condition on a row ``{0}`` under which
        the key applies.
    differences
        By column, the SQL condition under which the row ``here`` and the row ``stored``
        contradict each other; by default both have a value and the values differ.
    taken
        By column, the SQL condition under which ``--replace`` stores the new value; by
        default the stored value is null or contradicts it.
    """

    relation: str
    time_column: str
    to_datetime: Callable[[Any], datetime]
    from_datetime: Callable[[datetime], Any]
    readers: Mapping[str, Reader]
    suffixes: Mapping[str, str]
    recognise: Callable[[Path], str | None]
    keys: Mapping[tuple[str, ...], str]
    differences: Mapping[str, str]
    taken: Mapping[str, str]

    def chunks(
        self,
        file_format: str,
        path: Path,
        kept_from: datetime | None = None,
        given: Mapping[str, str] | None = None,
    ) -> Iterator[Chunk]:
        """Read a file by its recognised format, else by the named one."""
        reader = self.readers[self.recognise(path) or file_format]
        return reader(path, kept_from, given)
