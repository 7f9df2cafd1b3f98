"""Decode and encode the batches of a recording ahead of the one that is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from loaders.chunk import BadRow
from loaders.ticks.batch import Batch, make_batch
from loaders.ticks.chunk import TickChunk
from loaders.ticks.store import Encoded
from pgio.integers import Integers

NO_GAPS = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

Gaps = tuple[Integers, Integers]
Books = Mapping[datetime, Mapping[str, Any]]


@dataclass(frozen=True)
class Prepared:
    """A chunk, encoded on the assumption that no stored tick lies between its ticks.

    Attributes
    ----------
    chunk
        The decoded chunk.
    ticks
        Its distinct ticks, None without any.
    books
        Order books of this chunk, and of earlier chunks in which the venue was not
        known yet.
    load_id
        Id of its load.
    gaps, encoded
        The gaps between its ids, and its rows for COPY with these gaps in their flags.
    """

    chunk: TickChunk
    ticks: Batch | None
    books: Books
    load_id: int
    gaps: Gaps = NO_GAPS
    encoded: Encoded | None = None

    @property
    def bad(self) -> Sequence[BadRow]:
        """The refused rows."""
        return self.chunk.bad

    @property
    def parts(self) -> Sequence[TickChunk]:
        """The chunk, for the progress report."""
        return [self.chunk]


def prepare(
    chunks: Iterable[TickChunk], committed: int, new_load: Callable[[], int]
) -> Iterator[Prepared]:
    """Skip the committed chunks and encode the others.

    Parameters
    ----------
    chunks
        All chunks of the object.
    committed
        Number of committed lines of the object.
    new_load
        Returns the id of a new load.

    Raises
    ------
    ObjectError
        The decoder raises it, or ticks of a chunk contradict each other.
    """
    read = 0
    # Order books wait for a chunk with a known venue, void ids for one with ticks. Both
    # are dropped if that chunk is committed already: they were written with it.
    books: dict[datetime, Mapping[str, Any]] = {}
    void_ids: list[int] = []
    for chunk in chunks:
        read += chunk.rows_read
        books.update(chunk.books)
        void_ids += chunk.void_ids
        if read > committed:
            yield _prepare(chunk, dict(books), list(void_ids), new_load())
        if chunk.stream is not None:
            books.clear()
        if chunk.rows.num_rows:
            void_ids.clear()


def _prepare(
    chunk: TickChunk, books: Books, void_ids: Sequence[int], load_id: int
) -> Prepared:
    is_ordered = chunk.stream is None or chunk.stream.is_ordered
    batch = make_batch(chunk.rows, void_ids, is_ordered=is_ordered)
    if batch is None or chunk.stream is None:
        return Prepared(chunk, batch, books, load_id)
    gaps = NO_GAPS
    if chunk.stream.is_consecutive:
        gaps = batch.runs.gaps_before(batch.runs.first)
    encoded = batch.csv(chunk.stream.exchange, load_id, gaps)
    return Prepared(chunk, batch, books, load_id, gaps, encoded)
