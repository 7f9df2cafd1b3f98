"""What a reader hands to the store: typed rows, refused rows, how to read a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

#: Rows decoded and checked at once: their buffers are small enough to be used again.
CHUNK_ROWS = 10_000


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be.

    Attributes
    ----------
    row_number
        Its row (Parquet), event (archive) or line (text) in the object, from 1.
    reason
        Column, complaint and value.
    raw
        The row as it came, as JSON text.
    is_late
        Nothing is wrong with it but its age: the table has dropped that time already.
    """

    row_number: int
    reason: str
    raw: str
    is_late: bool = False


def raw_json(row: Any) -> str:
    """Write a raw row as JSON that ``jsonb`` takes (it has no NUL characters)."""
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
        The good rows; columns named and ordered as the table's.
    rows_read
        Rows of the object it covers, bad ones included.
    progress
        Share of the object read up to here, 0 to 1.
    bad
        The refused rows.
    skipped
        Rows that are known not to belong into the table.
    numbers
        Numbers of the good rows in the object; by default they are counted from the
        chunk before, and the refused ones with them.
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
    """What the loader has to know of one raw table whose rows have keys.

    Attributes
    ----------
    relation
        The table, ``schema.name``.
    time_column
        The column whose range a load reports.
    to_datetime
        Turns a value of that column into an aware datetime.
    from_datetime
        The inverse of `to_datetime`.
    readers
        Format name to a function from a local file, the first instant whose rows are
        kept if any were ever dropped, and values by column that the file does not
        have, to its chunks; older rows are refused as late. It raises `ObjectError`
        for a file that cannot be read as that format.
    suffixes
        File suffix to format name.
    recognise
        Tells the format from the content of a local file, or its first bytes; None
        where it cannot.
    keys
        Columns of each unique key to its condition on a row ``{0}``.
    differences
        Column to the condition, on the row ``here`` and the row ``stored``, under
        which the two contradict each other; by default both have a value, and not the
        same one.
    taken
        Column to the condition under which a stored row that is replaced takes its
        value; by default it had none, or another one.
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
        """Read a file as what it is, or where that cannot be told as what is said."""
        reader = self.readers[self.recognise(path) or file_format]
        return reader(path, kept_from, given)
