"""Whose profiles new loads can have changed, and from which day on.

A trader's figures follow from that trader's own fills and stay as they are after the
last of them: no figure is relative to other traders or to the day it is asked for. So a
load changes the traders it has fills of, from the day of the first of these on.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from python_jobs.lib.profile_panel import MILLISECONDS_PER_DAY
from python_jobs.lib.profile_queries import Read
from python_jobs.lib.time_slices import brought_by

MOST_TRADERS = 100_000
"""Traders that a query names one by one; of more than that all are computed anew."""

TOUCHED_SCHEMA = pa.schema([("user_address", pa.string()), ("first_day", pa.int64())])


def read_touched(read: Read, fills: object, loads: pa.Table) -> pa.Table:
    """Find the traders that loads brought fills of.

    Parameters
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    fills : object
        The raw table; `str()` is its name in SQL.
    loads : pyarrow.Table
        Of `session.unapplied_loads`.

    Returns
    -------
    pyarrow.Table
        `TOUCHED_SCHEMA`: each trader once, with the day of the first new fill (days
        since the epoch).
    """
    brought = brought_by(loads)
    if brought is None:
        return TOUCHED_SCHEMA.empty_table()
    return read(
        f"select user_address, min(time) / {MILLISECONDS_PER_DAY} as first_day "
        f"from {fills} where {brought} group by user_address"
    ).cast(TOUCHED_SCHEMA)


def read_stale(
    read: Read,
    *,
    fills: object,
    trader_daily: object,
    loads: pa.Table,
    stored_day: int,
) -> pa.Table:
    """Find the traders whose cohorts cannot go on from their last stored row.

    Parameters
    ----------
    read, fills, loads
        As for `read_touched`.
    trader_daily : object
        The rollup; `str()` is its name in SQL.
    stored_day : int
        The last as-of day stored, days since the epoch. Whoever was active after it is
        stale, though an earlier run has taken in these fills: no cohort of that day
        could, be it for `cohort_step_days` or for lack of members, hold them.

    Returns
    -------
    pyarrow.Table
        `TOUCHED_SCHEMA`; `first_day` is the day after `stored_day` at the latest, and
        a trader's cohorts of earlier days stay.
    """
    touched = read_touched(read, fills, loads)
    later = read(
        f"select user_address, min(day) / {MILLISECONDS_PER_DAY} as first_day "
        f"from {trader_daily} where day > {stored_day * MILLISECONDS_PER_DAY} "
        "group by user_address"
    )
    both = pa.concat_tables([touched, later.cast(TOUCHED_SCHEMA)])
    first = both.group_by("user_address").aggregate([("first_day", "min")])
    # Days that nobody has computed yet are theirs too, however much later they traded.
    days = pc.min_element_wise(first["first_day_min"], stored_day + 1)
    return pa.table([first["user_address"], days], schema=TOUCHED_SCHEMA)


def those(users: pa.ChunkedArray) -> str:
    """Write the SQL predicate that selects these traders."""
    names = sql.Literal(users.to_pylist()).as_string(None)
    return f"user_address in (select unnest({names}::text[]))"
