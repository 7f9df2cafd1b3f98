"""Rows of `trader_cohorts`, made from panels of traders."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.profiles.classification import FLAG_ATTRIBUTES, Rulebook
from python_jobs.lib.profiles.figures import ProfileOptions
from python_jobs.lib.profiles.metrics import WHOLE_NUMBERS
from python_jobs.lib.profiles.panel import TraderPanel
from python_jobs.lib.profiles.points import changes
from python_jobs.lib.profiles.returns import Ints
from python_jobs.lib.profiles.tables import profile_rows

ROWS_AT_ONCE = 200_000
"""Rows of cohorts made at a time, about."""

COHORT_METRICS = (
    "active_days",
    "closed_positions",
    "position_win_rate",
    "sharpe_ratio",
    "mtm_known_share",
    "mtm_sharpe_ratio",
    "mtm_q_value",
    "confidence",
)
COHORT_SCHEMA = pa.schema(
    [
        ("as_of_date", pa.date32()),
        ("user_address", pa.string()),
        ("trader_class", pa.string()),
        *((name, pa.bool_()) for name in FLAG_ATTRIBUTES),
        ("net_pnl", pa.decimal128(38, 6)),
        ("mtm_net_pnl", pa.decimal128(38, 6)),
        *(
            (name, pa.int64() if name in WHOLE_NUMBERS else pa.float64())
            for name in COHORT_METRICS
        ),
    ]
)


def cohort_rows(
    panel: TraderPanel,
    options: ProfileOptions,
    rulebook: Rulebook,
    days: Sequence[int],
) -> Iterator[pa.RecordBatch]:
    """Find the members of cohorts as of each day, from the data up to that day.

    A trader is computed only for days on which the data changed, however many days
    there are.

    Parameters
    ----------
    panel : TraderPanel
        The traders and all their rows; figures of a day do not use later rows.
    options : ProfileOptions
        The project's choices, the same as for the profiles.
    rulebook : Rulebook
        The classification rules, the same as for the profiles.
    days : sequence of int
        Days since the epoch, ascending.

    Yields
    ------
    pyarrow.RecordBatch
        `COHORT_SCHEMA`; a row per day and trader with at least one flag set, in order
        of day.
    """
    if not len(days):
        return
    as_of = np.asarray(days, np.int64)
    points = changes(panel, as_of)
    rows = profile_rows(panel, points, options, rulebook, COHORT_SCHEMA.names[1:])
    begin = np.searchsorted(as_of, points.day)
    # A trader's membership lasts until the trader's next change.
    is_last = np.diff(points.trader, append=-1) != 0
    end = np.where(is_last, len(as_of), np.append(begin[1:], 0))
    is_member = _are_members(rows).to_numpy()
    members = np.flatnonzero(is_member & (begin < end))
    rows = rows.take(pa.array(members))
    for member, number in repeat_by_day(begin[members], end[members], ROWS_AT_ONCE):
        dates = pa.array(as_of[number].astype(np.int32)).cast(pa.date32())
        dated = rows.take(pa.array(member)).add_column(0, "as_of_date", dates)
        yield from _to_schema(dated)


def resting_cohort_rows(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    """Return the rows of `read_resting` that belong to a cohort; `COHORT_SCHEMA`."""
    yield from _to_schema(rows.filter(_are_members(rows)))


def _are_members(rows: pa.Table) -> pa.ChunkedArray:
    return functools.reduce(pc.or_, (rows[name] for name in FLAG_ATTRIBUTES))


def _to_schema(rows: pa.Table) -> Iterator[pa.RecordBatch]:
    columns = [
        pc.round(rows[field.name], field.type.scale, "half_towards_infinity").cast(
            field.type
        )
        if pa.types.is_decimal(field.type)
        else rows[field.name]
        for field in COHORT_SCHEMA
    ]
    yield from pa.table(columns, schema=COHORT_SCHEMA).to_batches()


def repeat_by_day(
    begin: Ints, end: Ints, most_rows: int
) -> Iterator[tuple[Ints, Ints]]:
    """List, day by day, the intervals that contain each day.

    Parameters
    ----------
    begin, end : array of int64, shape (k,)
        Numbers of the first day and of the day after the last.
    most_rows : int
        Approximate number of rows to list at once; a day is never split.

    Yields
    ------
    tuple of array of int64, shape (rows,)
        Number of the interval, and of the day.
    """
    first, last = int(begin.min(initial=0)), int(end.max(initial=0))
    days = max(1, most_rows // max(len(begin), 1))
    for start in range(first, last, days):
        low, high = np.maximum(begin, start), np.minimum(end, start + days)
        count = np.maximum(high - low, 0)
        member = np.repeat(np.arange(len(begin)), count)
        number = np.arange(len(member)) - np.repeat(
            np.cumsum(count) - count - low, count
        )
        order = np.argsort(number, kind="stable")
        yield member[order], number[order]
