"""Cut the tape into slices of about as many fills each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from psycopg import sql

#: A slice of time: from this millisecond on, up to but without that one.
Slice = tuple[int | None, int | None]


def cut_slices(
    time_from: npt.NDArray[np.int64],
    time_to: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    slice_rows: int,
) -> list[Slice]:
    """Cut all of time, so that every slice holds about ``slice_rows`` rows.

    Parameters
    ----------
    time_from, time_to, rows
        ``(loads,)``: first and last millisecond and row count of each load, whose rows
        are taken to be spread evenly.
    slice_rows
        Rows wanted in a slice, at least 1.

    Returns
    -------
    list of (int or None, int or None)
        Neighbours meet; the first begins and the last ends open, so that whatever the
        loads say every fill is in exactly one slice.
    """
    some = rows > 0
    if not some.any():
        return [(None, None)]
    begin, end = time_from[some], time_to[some] + 1
    density = rows[some] / (end - begin)
    moments, position = np.unique(np.concatenate([begin, end]), return_inverse=True)
    change = np.zeros(moments.size)
    np.add.at(change, position, np.concatenate([density, -density]))
    rate = np.cumsum(change)[:-1]
    passed = np.concatenate([[0.0], np.cumsum(rate * np.diff(moments))])
    wanted = np.arange(slice_rows, rows[some].sum(), slice_rows)
    origin = moments[0]
    cuts = np.unique(np.interp(wanted, passed, moments - origin).astype(np.int64))
    edges = [None, *(cuts[cuts > 0] + origin).tolist(), None]
    return list(pairwise(edges))


def merge_intervals(
    time_from: npt.NDArray[np.int64], time_to: npt.NDArray[np.int64], limit: int = 32
) -> list[tuple[int, int]]:
    """Merge closed intervals that meet; one that covers all if there are too many."""
    merged: list[list[int]] = []
    for begin, end in sorted(zip(time_from.tolist(), time_to.tolist(), strict=True)):
        if merged and begin <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([begin, end])
    if len(merged) > limit:
        merged = [[merged[0][0], max(end for _, end in merged)]]
    return [(begin, end) for begin, end in merged]


def within(intervals: Sequence[tuple[int, int]], column: str) -> str:
    """Write intervals as an SQL predicate."""
    parts = [f"{column} between {begin} and {end}" for begin, end in intervals]
    return "(" + " or ".join(parts) + ")" if parts else "false"


def in_slice(piece: Slice, column: str) -> str:
    """Write a slice as an SQL predicate."""
    begin, end = piece
    parts = [] if begin is None else [f"{column} >= {begin}"]
    if end is not None:
        parts.append(f"{column} < {end}")
    return " and ".join(parts) or "true"


def load_ranges(
    loads: pa.Table,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return first and last millisecond and rows of each load; no times, no rows.

    Parameters
    ----------
    loads
        ``time_from``, ``time_to`` (timestamps) and ``rows_loaded``, as
        `session.unapplied_loads` returns them.
    """
    missing = loads["time_from"].is_null().to_numpy()
    rows = np.where(missing, 0, loads["rows_loaded"].to_numpy())
    begin, end = (
        loads[name].cast(pa.timestamp("us")).cast(pa.int64()).fill_null(0).to_numpy()
        // 1000
        for name in ("time_from", "time_to")
    )
    return begin, end, rows


def brought_by(
    loads: pa.Table, load_id: str = "load_id", time: str = "time"
) -> str | None:
    """Write the SQL predicate of the rows that loads brought.

    Parameters
    ----------
    loads
        As for `load_ranges`, with ``load_id``.
    load_id, time
        Names of the rows' columns; the time is in milliseconds.

    Returns
    -------
    str or None
        None where no load brought any.
    """
    begin, end, rows = load_ranges(loads)
    some = rows > 0
    if not some.any():
        return None
    intervals = merge_intervals(begin[some], end[some])
    ids = sql.Literal(loads["load_id"].to_pylist()).as_string(None)
    times = within(intervals, time)
    return f"{load_id} = any({ids}::bigint[]) and {times}"
