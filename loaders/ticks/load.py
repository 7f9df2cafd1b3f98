"""Load recordings of ticks in batches, each batch exactly once.

A batch is one transaction. An interrupted recording is read again from its beginning,
and as many lines as are committed are skipped. This is exact because decoders are
deterministic, even if a decoder keeps state from line to line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from loaders import ledger
from loaders.kept_from import KeptFrom
from loaders.ledger import LoadResult, Offset, RowCount
from loaders.objects import Object
from loaders.ticks import windows
from loaders.ticks.batch import Batch
from loaders.ticks.chunk import DecoderOptions, TickChunk
from loaders.ticks.contradictions import check_jumps
from loaders.ticks.decode import decode
from loaders.ticks.instants import from_us, window_of
from loaders.ticks.objects import detect
from loaders.ticks.prepared import Prepared, prepare
from loaders.ticks.progress import RecordingProgress
from loaders.ticks.runs import Runs, save_runs, stored_runs
from loaders.ticks.store import RELATION, Encoded, insert_ticks
from loaders.ticks.venue import Venue, known_venue, lock_venue, open_venue

#: The format of an object that is recognised by its content.
AUTO = "auto"


@dataclass(frozen=True)
class Recordings:
    """Recordings of ticks: `loaders.interfaces.Dataset`.

    Attributes
    ----------
    options
        What the command line says about them.
    """

    options: DecoderOptions

    relation = RELATION
    side_tables = (windows.RELATION, "ingestion.sequence_runs")
    is_whole = False

    def is_loaded(self, source: Object, offset: Offset) -> bool:
        """Return whether the object is loaded completely, judging by its offset."""
        name = None if source.format == AUTO else source.format
        return RecordingProgress.of(source, offset, self.options, name).is_complete

    def open(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        path: Path,
        offset: Offset | None,
    ) -> _Recording | None:
        """Start or resume a recording: see `loaders.interfaces.Dataset`."""
        is_named = source.format != AUTO
        name = source.format if is_named else detect(path)
        progress = RecordingProgress.of(source, offset, self.options, name)
        if progress.is_complete:
            if progress.is_named and not is_named:
                # Next time the offset alone shows that the object is complete.
                recognised = replace(progress, is_named=False)
                ledger.save_offset(conn, source.uri, recognised.offset(source))
            return None
        options = replace(self.options, uri=source.uri)
        chunks = decode(name, path, options)
        progress = replace(progress, format=name, is_named=is_named)
        return _Recording(conn, source, chunks, progress)


class _Recording:
    """One recording.

    Parameters
    ----------
    conn
        Connection that holds the object's lock.
    source
        The object.
    chunks
        Its whole content.
    progress
        What earlier loads committed of it.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        source: Object,
        chunks: Iterator[TickChunk],
        progress: RecordingProgress,
    ) -> None:
        self.count = RowCount(progress.lines, progress.bad_lines)
        self._conn = conn
        self._source = source
        self._chunks = chunks
        self._progress = progress
        self._kept_from = KeptFrom(RELATION, "ts", led_by=("window_start", window_of))

    def batches(self, new_load: Callable[[], int]) -> Iterator[Prepared]:
        """Read the batches after the last commit: see `loaders.interfaces.Reading`."""
        return prepare(self._chunks, self._progress.lines, new_load)

    def write(self, batch: Prepared, result: LoadResult) -> None:
        """Write ticks, windows and order books: see `loaders.interfaces.Reading`."""
        conn, chunk = self._conn, batch.chunk
        result.rows_skipped, result.others = chunk.rows_skipped, chunk.others
        if batch.ticks is not None:
            times = filter(None, [self._progress.last_at, batch.ticks.last_at])
            self._progress = replace(self._progress, last_at=max(times))
        if chunk.stream is None:
            return
        self._progress = replace(self._progress, exchange=chunk.stream.exchange)
        # Lock order: venue, then table. All code uses this order, to avoid deadlocks.
        venue = open_venue(conn, chunk.stream)
        result.kept_from = self._kept_from.ask(conn)
        ticks, result.rows_late = _without_late(batch.ticks, result.kept_from)
        result.rows_skipped += result.rows_late
        if ticks is not None:
            _write_ticks(conn, venue, batch, ticks, result)
            venue.reading[self._source.uri] = from_us(int(ticks.window_us[-1]))
        if batch.books:
            windows.keep_order_books(conn, venue.exchange, batch.books)
        windows.seal(conn, venue)
        venue.save(conn)

    def offset(self, result: LoadResult) -> Offset:
        """Return the offset up to which the recording is loaded."""
        count = self.count
        self._progress = replace(self._progress, lines=count.rows, bad_lines=count.bad)
        return self._progress.offset(self._source)

    def close(self, *, is_complete: bool) -> None:
        """Seal the window that this load kept open, if the venue has a later one."""
        conn = self._conn
        if self._progress.exchange is not None:
            lock_venue(conn, self._progress.exchange)
            venue = known_venue(conn, self._progress.exchange)
            if venue is not None and self._source.uri in venue.reading:
                del venue.reading[self._source.uri]
                windows.seal(conn, venue)
                venue.save(conn)
        if is_complete:
            done = replace(self._progress, is_complete=True)
            ledger.save_offset(conn, self._source.uri, done.offset(self._source))


def _without_late(
    batch: Batch | None, kept_from: datetime | None
) -> tuple[Batch | None, int]:
    """Remove ticks older than the retention: their buckets could not be complete."""
    if batch is None or kept_from is None or batch.first_at >= kept_from:
        return batch, 0
    is_kept = pc.greater_equal(batch.rows.column("ts"), pa.scalar(kept_from))
    kept = batch.rows.filter(is_kept)
    late = batch.rows.num_rows - kept.num_rows
    rest = replace(batch, rows=kept) if kept.num_rows else None
    return rest, late


def _write_ticks(
    conn: psycopg.Connection[Any],
    venue: Venue,
    prepared: Prepared,
    batch: Batch,
    result: LoadResult,
) -> None:
    stored = merged = Runs.none()
    if venue.is_consecutive:
        stored = stored_runs(conn, venue.exchange, batch.first_id, batch.last_id)
        merged = stored.merge(batch.runs)
        check_jumps(merged, batch.runs)
    gaps = merged.gaps_before(batch.runs.first)

    def encode() -> Encoded:
        is_as_expected = batch is prepared.ticks and all(
            np.array_equal(*pair) for pair in zip(gaps, prepared.gaps, strict=True)
        )
        if is_as_expected and prepared.encoded is not None:
            return prepared.encoded
        return batch.csv(venue.exchange, prepared.load_id, gaps)

    inserted = insert_ticks(conn, venue, batch, encode)
    if venue.is_consecutive:
        save_runs(conn, venue.exchange, stored, merged)
    result.extend(inserted.count, inserted.first_at, inserted.last_at)
    if inserted.windows:
        windows.open_or_replay(conn, venue.exchange, inserted.windows)
        venue.latest_window = max(
            [*inserted.windows, *filter(None, [venue.latest_window])]
        )
    if not batch.is_ordered:
        venue.last_id = batch.last_id
        venue.last_at = max(filter(None, [venue.last_at, batch.last_at]))
    elif venue.last_id is None or batch.last_id > venue.last_id:
        venue.last_id, venue.last_at = batch.last_id, batch.last_id_at
