"""Compute `trader_position_hours` from the fills: rebuild it, or apply new loads.

A run reads the list of loads, the fills and the model's own rows in one snapshot. A
load that commits meanwhile is left, as a whole, to the next run.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa

from pgio.binary_rows import describe, read_rows
from pgio.prefetch import prefetch
from python_jobs.lib.fold.fills import FillDecoder, Fills
from python_jobs.lib.fold.fold import FoldState, fold
from python_jobs.lib.fold.position_rows import position_rows
from python_jobs.lib.fold.position_state import resume
from python_jobs.lib.fold.restarts import (
    assert_fills_are_there,
    note_touched_keys,
    resume_query,
)
from python_jobs.lib.time_slices import (
    Slice,
    cut_slices,
    in_slice,
    load_ranges,
    rows_of_loads,
)

#: Increase this when a change of the code gives other positions for the same fills.
#: Stored positions, and the models computed from them, are then computed again.
RULES = "3"

#: Fills folded at once; memory holds about 300 bytes for each, twice.
SLICE_ROWS = 500_000

#: Few are enough: the server needs processors too, and reading takes longer than
#: folding.
FOLD_THREADS = min(4, os.cpu_count() or 1)

Connection = psycopg.Connection[Any]
ReadLoads = Callable[[], pa.Table]

#: Columns of `stg_hyperliquid__fills` that the fold reads.
FILL_COLUMNS = (
    *("filled_ms", "user_address", "coin", "px", "signed_size", "start_position"),
    *("closed_pnl", "fee", "is_fee_in_base", "fill_kind", "block_number"),
    "event_index",
)


@dataclass(frozen=True)
class PositionChanges:
    """What a run changes.

    Attributes
    ----------
    rows
        Batches of new and changed rows. They are read and folded while they are
        iterated; the snapshot ends after the last one.
    deletes
        ``position_id`` and ``hour_at`` of stored positions that are computed again;
        keys that are also in ``rows`` are not deleted.
    loads
        Loads applied by this run.
    """

    rows: Iterator[pa.RecordBatch]
    deletes: pa.Table | None
    loads: list[int]


class PositionJob:
    """Computes positions over one connection.

    Parameters
    ----------
    connection
        In autocommit and used by this job only: it holds a snapshot until the rows have
        been read.
    fills
        Name of `stg_hyperliquid__fills`, quoted for SQL.
    unapplied_loads
        Reads, over ``connection``, the loads not applied yet: ``load_id``,
        ``time_from``, ``time_to``, ``rows_loaded``.
    slice_rows
        Fills to fold at once.
    forgets_history
        Whether positions may be lost whose fills were dropped.
    """

    def __init__(
        self,
        connection: Connection,
        fills: str,
        unapplied_loads: ReadLoads,
        slice_rows: int = SLICE_ROWS,
        forgets_history: bool = False,
    ) -> None:
        self._connection = connection
        self._fills = fills
        self._unapplied_loads = unapplied_loads
        self._slice_rows = slice_rows
        self._forgets_history = forgets_history
        self._decoder = FillDecoder()
        self._state = FoldState()

    def rebuild(self, hours: str | None = None) -> PositionChanges:
        """Fold all stored fills, including fills that belong to no load.

        Parameters
        ----------
        hours
            Name of the model's own table, quoted for SQL; None if there is none yet.

        Raises
        ------
        DroppedFillsError
            If fills of stored positions were dropped.
        """
        self._take_snapshot()
        if hours is not None and not self._forgets_history:
            assert_fills_are_there(
                self._connection, f"select position_id, opened_at from {hours}"
            )
        loads = self._unapplied_loads()
        pieces = self._slices(loads)
        return PositionChanges(
            rows=self._rows(pieces, self._all_fills),
            deletes=None,
            loads=loads["load_id"].to_pylist(),
        )

    def update(self, hours: str) -> PositionChanges | None:
        """Fold the fills of new loads into the stored positions.

        A (trader, coin) whose new fills are all later than its last fill resumes from
        its last position, any other from the last time before them when it was flat.

        Parameters
        ----------
        hours
            Name of the model's own table, quoted for SQL.

        Returns
        -------
        PositionChanges or None
            None if there is no new load.

        Raises
        ------
        DroppedFillsError
            If fills of a position that a late fill changes were dropped.
        """
        self._take_snapshot()
        loads = self._unapplied_loads()
        if loads.num_rows == 0:
            self._connection.rollback()
            return None
        load_ids = loads["load_id"].to_pylist()
        of_loads = rows_of_loads(loads, "f.load_id", "f.filled_ms")
        if of_loads is None:
            self._connection.rollback()
            return PositionChanges(iter(()), None, load_ids)
        is_new = f"not f.is_outcome and {of_loads}"
        touched = note_touched_keys(self._connection, self._fills, hours, is_new)
        if not self._forgets_history:
            assert_fills_are_there(
                self._connection,
                "select position_id, to_timestamp(opened_ms / 1000.0) as opened_at"
                " from stale_positions",
            )
        self._resume()

        def query(piece: Slice) -> str:
            return " union all ".join(
                f"{self._all_fills(piece)} and {predicate}"
                for predicate in touched.predicates
            )

        pieces = self._slices(loads, touched.stale)
        deletes = touched.stale_hours if len(touched.stale) else None
        return PositionChanges(self._rows(pieces, query), deletes, load_ids)

    def _take_snapshot(self) -> None:
        self._connection.execute("begin isolation level repeatable read")

    def _rows(
        self, pieces: list[Slice], query: Callable[[Slice], str]
    ) -> Iterator[pa.RecordBatch]:
        users, coins = self._decoder.users, self._decoder.coins
        try:
            with prefetch(map(self._read, map(query, pieces)), depth=1) as chunks:
                for fills in chunks:
                    if fills is None:
                        continue
                    for steps in fold(fills, self._state, FOLD_THREADS):
                        yield position_rows(steps, users, coins)
            for steps in self._state.open_steps():
                yield position_rows(steps, users, coins)
        finally:
            self._connection.rollback()

    def _read(self, query: str) -> Fills | None:
        columns = describe(self._connection, query)
        batches = read_rows(self._connection, query, columns)
        parts = [self._decoder.decode(rows) for rows in batches]
        return Fills.concat(parts) if parts else None

    def _all_fills(self, piece: Slice) -> str:
        return fills_query(self._fills, in_slice(piece, "f.filled_ms"))

    def _resume(self) -> None:
        query = resume_query()
        columns = describe(self._connection, query)
        for rows in read_rows(self._connection, query, columns):
            resume(rows, self._decoder, self._state)

    def _slices(self, loads: pa.Table, stale: pa.Table | None = None) -> list[Slice]:
        """Cut time into slices by the fills to read: of loads and of stale positions.

        The fills of an update mostly fit in one slice, so the table is scanned once.
        """
        spans = [load_ranges(loads)]
        if stale is not None:
            names = ("opened_ms", "last_fill_ms", "fill_count")
            spans.append(tuple(stale[name].to_numpy() for name in names))
        begin, end, rows = map(np.concatenate, zip(*spans, strict=True))
        return cut_slices(begin, end, rows, self._slice_rows)


def fills_query(fills: str, predicate: str = "true") -> str:
    """Select the columns that the fold reads, for fills ``f`` that meet a condition."""
    columns = ", ".join(f"f.{name}" for name in FILL_COLUMNS)
    return f"select {columns} from {fills} as f where not f.is_outcome and {predicate}"
