"""One batch of a recording in one transaction."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from loaders import ledger
from loaders.bad_rows import BadRowLimit
from loaders.chunk import BadRow
from loaders.errors import ObjectError
from loaders.kept_from import KeptFrom
from loaders.ledger import LoadResult
from loaders.objects import Object
from loaders.ticks import windows
from loaders.ticks.batch import Batch
from loaders.ticks.contradictions import check_jumps
from loaders.ticks.instants import from_us
from loaders.ticks.prepared import Prepared
from loaders.ticks.progress import Taken
from loaders.ticks.runs import Runs, save_runs, stored_runs
from loaders.ticks.store import RELATION, Encoded, insert_ticks
from loaders.ticks.venue import Venue, open_venue


def write_batch(
    conn: psycopg.Connection[Any],
    source: Object,
    prepared: Prepared,
    taken: Taken,
    limit: BadRowLimit,
    kept_from: KeptFrom,
) -> tuple[LoadResult, Taken]:
    """Write a batch and how far its object is taken in; the caller commits.

    Parameters
    ----------
    conn
        Connection in a transaction that holds nothing else.
    source
        The object.
    prepared
        The batch.
    taken
        What of the object was committed before.
    limit
        Refused rows the object may have.
    kept_from
        From when on the table has all its rows.

    Returns
    -------
    tuple
        What became of the rows, and what of the object is taken in then.

    Raises
    ------
    ObjectError
        Stored ticks contradict these, the venue is another stream's, or too many rows
        are bad.
    psycopg.Error
        The server's objection.
    """
    chunk = prepared.chunk
    result = LoadResult(chunk.rows_read, rows_skipped=chunk.rows_skipped)
    bad = list(chunk.bad)
    after = taken.after(
        lines=chunk.rows_read,
        bad_lines=len(bad),
        at=None if prepared.batch is None else prepared.batch.last_at,
        exchange=None if chunk.stream is None else chunk.stream.exchange,
    )
    result.others = chunk.others
    _check_limit(limit, bad, after)
    if chunk.stream is not None:
        # The venue first and then the table: everybody in this order.
        venue = open_venue(conn, chunk.stream)
        result.kept_from = kept_from.ask(conn)
        batch, result.rows_late = _without_late(prepared.batch, result.kept_from)
        result.rows_skipped += result.rows_late
        if batch is not None:
            _write_ticks(conn, source, venue, prepared, batch, result)
        if prepared.books:
            windows.keep_books(conn, venue.exchange, prepared.books)
        windows.seal(conn, venue)
        venue.save(conn)
    result.rows_quarantined = len(bad)
    if bad:
        ledger.quarantine(conn, prepared.load_id, RELATION, source.uri, bad)
    ledger.log_load(conn, prepared.load_id, RELATION, source, result)
    ledger.save_offset(conn, source.uri, after.offset(source))
    return result, after


def _check_limit(limit: BadRowLimit, bad: list[BadRow], after: Taken) -> None:
    if bad and limit.is_exceeded(after.bad_lines, after.lines):
        first = bad[0]
        raise ObjectError(
            f"{after.bad_lines:,} of the first {after.lines:,} rows are bad, more than "
            f"--max-bad-rows {limit}; row {first.row_number:,} is one: {first.reason}. "
            "Correct the object, or allow more to send them to ingestion.quarantine; "
            "the batches before stay loaded"
        )


def _without_late(
    batch: Batch | None, kept_from: datetime | None
) -> tuple[Batch | None, int]:
    """Take out what would land in a time that is dropped, in a half-empty bucket."""
    if batch is None or kept_from is None or batch.first_at >= kept_from:
        return batch, 0
    is_kept = pc.greater_equal(batch.rows.column("ts"), pa.scalar(kept_from))
    kept = batch.rows.filter(is_kept)
    late = batch.rows.num_rows - kept.num_rows
    rest = replace(batch, rows=kept) if kept.num_rows else None
    return rest, late


def _write_ticks(
    conn: psycopg.Connection[Any],
    source: Object,
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
        is_as_expected = batch is prepared.batch and all(
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
        windows.receive_ticks(conn, venue.exchange, inserted.windows)
        venue.latest_window = max(
            [*inserted.windows, *filter(None, [venue.latest_window])]
        )
    if not batch.is_ordered:
        venue.last_id = batch.last_id
        venue.last_at = max(filter(None, [venue.last_at, batch.last_at]))
    elif venue.last_id is None or batch.last_id > venue.last_id:
        venue.last_id, venue.last_at = batch.last_id, batch.last_id_at
    venue.reading[source.uri] = from_us(int(batch.window_us[-1]))
