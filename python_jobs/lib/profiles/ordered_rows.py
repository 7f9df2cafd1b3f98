"""Cut several results in the same order into parts, at the same keys."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

import pyarrow as pa


class _Stream:
    """The rows of one result that were read and not yielded yet."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = iter(batches)
        first = next(self._batches)
        self._waiting = [first]
        self._schema = first.schema
        self.rows = len(first)
        self.is_exhausted = False

    @property
    def last(self) -> str:
        """The last key read (more of its rows may follow); empty before the first."""
        if not self.rows:
            return ""
        last: str = self._waiting[-1].column(0)[-1].as_py()
        return last

    def read(self) -> None:
        """Read another batch."""
        batch = next(self._batches, None)
        if batch is None:
            self.is_exhausted = True
        elif len(batch):
            self._waiting.append(batch)
            self.rows += len(batch)

    def take(self, before: str | None) -> pa.Table:
        """Remove and return the rows with a key below ``before``, or all."""
        taken: list[pa.RecordBatch] = []
        while self._waiting:
            batch = self._waiting.pop(0)
            keys = batch.column(0)
            size = len(batch)
            if before is not None:
                size = bisect_left(keys, before, key=lambda value: value.as_py())
            taken.append(batch.slice(0, size))
            if size < len(batch):
                self._waiting.insert(0, batch.slice(size))
                break
        table = pa.Table.from_batches(taken, self._schema)
        self.rows -= len(table)
        return table


def cut_alike(
    results: Sequence[Iterable[pa.RecordBatch]], batch_rows: int
) -> Iterator[list[pa.Table]]:
    """Read several results in parallel and yield them some keys at a time.

    Parameters
    ----------
    results : sequence of iterables of pyarrow.RecordBatch
        Each with at least one batch, if an empty one, and ordered by its first column,
        a string without NULLs, by code point (SQL's ``collate "C"``).
    batch_rows : int
        Approximate number of rows of all results to yield at once. A key is never
        split, even if it has more rows.

    Yields
    ------
    list of pyarrow.Table
        A part of each result; together they hold all rows of their keys.
    """
    streams = [_Stream(result) for result in results]
    while True:
        unfinished = [stream for stream in streams if not stream.is_exhausted]
        before = min((stream.last for stream in unfinished), default=None)
        if sum(stream.rows for stream in streams) >= batch_rows or before is None:
            parts = [stream.take(before) for stream in streams]
            if any(map(len, parts)):
                yield parts
            if before is None:
                return
        # Rows are complete only up to the slowest result.
        min(unfinished, key=lambda stream: stream.last).read()
