"""Cut the history into time slices with about equal numbers of fills."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from psycopg import sql

from pgio.integers import integers

#: A slice of time: first millisecond, and the millisecond after the last; None for
#: open.
Slice = tuple[int | None, int | None]


def cut_slices(
    time_from: npt.NDArray[np.int64],
    time_to: npt.NDArray[np.int64],
    rows: npt.NDArray[np.int64],
    slice_rows: int,
) -> list[Slice]:
    """Cut the whole time axis so that every slice holds about ``slice_rows`` rows.

    Parameters
    ----------
    time_from, time_to, rows
        ``(loads,)``: first and last millisecond and row count of each load. Its rows
        are assumed to be spread evenly.
    slice_rows
        Rows wanted in a slice, at least 1.

    Returns
    -------
    list of (int or None, int or None)
        Adjacent slices without gaps. The first has no start and the last no end, so
        every fill is in exactly one slice even if the loads' times are wrong.
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
    """Merge closed intervals that meet; more than ``limit`` become one over all."""
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
    """Return intervals as an SQL condition."""
    parts = [f"{column} between {begin} and {end}" for begin, end in intervals]
    return "(" + " or ".join(parts) + ")" if parts else "false"


def in_slice(piece: Slice, column: str) -> str:
    """Return a slice as an SQL condition."""
    begin, end = piece
    parts = [] if begin is None else [f"{column} >= {begin}"]
    if end is not None:
        parts.append(f"{column} < {end}")
    return " and ".join(parts) or "true"


def load_ranges(
    loads: pa.Table,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return first and last millisecond and rows of each load; 0 rows without times.

    Parameters
    ----------
    loads
        ``time_from``, ``time_to`` (timestamps) and ``rows_loaded``, as
        `session.unapplied_loads` returns them.
    """
    missing = loads["time_from"].is_null().to_numpy()
    rows = np.where(missing, 0, loads["rows_loaded"].to_numpy())
    begin, end = (
        integers(loads[name].cast(pa.timestamp("us")), 0) // 1000
        for name in ("time_from", "time_to")
    )
    return begin, end, rows


def rows_of_loads(
    loads: pa.Table, load_id: str = "load_id", time: str = "time"
) -> str | None:
    """Return the SQL condition for the rows of the loads.

    Parameters
    ----------
    loads
        As for `load_ranges`, with ``load_id``.
    load_id, time
        Names of the rows' columns; the time is in milliseconds.

    Returns
    -------
    str or None
        None if no load has any row.
    """
    begin, end, rows = load_ranges(loads)
    some = rows > 0
    if not some.any():
        return None
    intervals = merge_intervals(begin[some], end[some])
    ids = sql.Literal(loads["load_id"].to_pylist()).as_string(None)
    times = within(intervals, time)
    return f"{load_id} = any({ids}::bigint[]) and {times}"
