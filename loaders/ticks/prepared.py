"""The batches of a recording, decoded and encoded ahead of those that are written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from loaders.chunk import BadRow
from loaders.ticks.batch import Batch, make_batch
from loaders.ticks.chunk import TickChunk
from loaders.ticks.runs import Integers
from loaders.ticks.store import Encoded

NO_GAPS = (np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))

Gaps = tuple[Integers, Integers]
Books = Mapping[datetime, Mapping[str, Any]]


@dataclass(frozen=True)
class Prepared:
    """A chunk, encoded as if nothing were stored between its ticks.

    Attributes
    ----------
    chunk
        As it was decoded.
    ticks
        Its distinct ticks, None without any.
    books
        What it said of order books, and chunks before it that knew no venue yet.
    load_id
        Id of its load.
    gaps, encoded
        The gaps between its ids, and its rows for COPY with these noted.
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
        """The chunk, to tell of progress."""
        return [self.chunk]


def prepare(
    chunks: Iterable[TickChunk], committed: int, new_load: Callable[[], int]
) -> Iterator[Prepared]:
    """Leave out the chunks that are committed and encode the others.

    Parameters
    ----------
    chunks
        All chunks of the object.
    committed
        Lines of it that are.
    new_load
        Gives the id of a load.

    Raises
    ------
    ObjectError
        The decoder's, or ticks of a chunk contradict each other.
    """
    read = 0
    # What waits for a chunk it can be written with: also if that one is committed.
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
