"""Collect the chunks of an object into batches, and encode each for one COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from loaders.chunk import BadRow, Chunk
from pgio.copy_in import encode_csv

#: Rows in one COPY: about 15 MB of CSV, of which a worker holds at most four.
BATCH_ROWS = 50_000


@dataclass(frozen=True)
class Progress:
    """A chunk without its rows, for progress reports: `loaders.interfaces.Part`."""

    rows_read: int
    progress: float


@dataclass(frozen=True)
class EncodedBatch:
    """Valid rows as CSV, with the other data of their chunks.

    Attributes
    ----------
    load_id
        Id of their load; the CSV contains it too.
    columns
        Columns of the CSV; columns with only nulls are left out.
    csv
        One buffer per chunk.
    rows
        Number of valid rows.
    first, last
        Range of their times; None without rows.
    bad
        Refused rows.
    parts
        The chunks, without their rows.
    first_row
        Number of the first row in the object, from 1.
    skipped
        Rows of other kinds, which do not belong in the table.
    numbers
        Numbers of the valid rows in the object, if the chunks have them.
    """

    load_id: int
    columns: list[str]
    csv: list[pa.Buffer]
    rows: int
    first: Any
    last: Any
    bad: list[BadRow]
    parts: list[Progress]
    first_row: int = 1
    skipped: int = 0
    numbers: list[pa.Array] = field(default_factory=list)

    def row_numbers(self) -> list[int]:
        """Return the numbers of the valid rows in the object, in order."""
        if self.numbers:
            return [number for each in self.numbers for number in each.to_pylist()]
        bad = {row.row_number for row in self.bad}
        count = sum(part.rows_read for part in self.parts)
        numbers = range(self.first_row, self.first_row + count)
        return [number for number in numbers if number not in bad]


def encode_chunks(
    chunks: Iterable[Chunk], load_id: int, time_column: str
) -> Iterator[EncodedBatch]:
    """Collect and encode the chunks of an object.

    Chunks are small because the allocator reuses small buffers; it returns large ones
    to the system, which clears them again for the next batch. A COPY is larger because
    it and its savepoint cost as much as some thousand rows.

    Parameters
    ----------
    chunks
        In the order of the object.
    load_id
        Goes into the column of that name.
    time_column
        The column whose range is reported.

    Yields
    ------
    EncodedBatch
        Each of at least `BATCH_ROWS` rows read, except the last.
    """
    gathered: list[Chunk] = []
    rows_read, first_row = 0, 1
    for chunk in chunks:
        gathered.append(chunk)
        rows_read += chunk.rows_read
        if rows_read >= BATCH_ROWS:
            yield _encode(gathered, load_id, time_column, first_row)
            first_row += rows_read
            gathered, rows_read = [], 0
    if gathered:
        yield _encode(gathered, load_id, time_column, first_row)


def _encode(
    chunks: Sequence[Chunk], load_id: int, time_column: str, first_row: int
) -> EncodedBatch:
    filled = [chunk.rows for chunk in chunks if chunk.rows.num_rows]
    columns = _columns_with_values(filled)
    first = last = None
    if filled:
        ranges = [pc.min_max(rows.column(time_column)) for rows in filled]
        first = min(each["min"].as_py() for each in ranges)
        last = max(each["max"].as_py() for each in ranges)
    return EncodedBatch(
        load_id,
        [*columns, "load_id"],
        [encode_csv(_with_load_id(rows.select(columns), load_id)) for rows in filled],
        sum(rows.num_rows for rows in filled),
        first,
        last,
        [row for chunk in chunks for row in chunk.bad],
        [Progress(chunk.rows_read, chunk.progress) for chunk in chunks],
        first_row,
        sum(chunk.skipped for chunk in chunks),
        [chunk.numbers for chunk in chunks if chunk.numbers is not None],
    )


def _columns_with_values(batches: Sequence[pa.RecordBatch]) -> list[str]:
    """Return the columns with values; the table fills in nulls at no cost."""
    names = batches[0].schema.names if batches else []
    return [
        name
        for name in names
        if any(rows.column(name).null_count < rows.num_rows for rows in batches)
    ]


def _with_load_id(rows: pa.RecordBatch, load_id: int) -> pa.RecordBatch:
    ids = pa.repeat(pa.scalar(load_id, pa.int64()), rows.num_rows)
    return rows.append_column("load_id", ids)
