"""Find the traders whose profiles new loads can change, and the first changed day.

A load changes all figures of traders with fills in it, and the equity-curve figures of
traders who held something then. Nothing changes for other traders: a q-value is
computed only among traders who traded or held something on that day.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from python_jobs.lib.profiles.panel import MILLISECONDS_PER_DAY
from python_jobs.lib.profiles.queries import Read
from python_jobs.lib.profiles.tables import EPOCH
from python_jobs.lib.time_slices import rows_of_loads

MOST_TRADERS = 100_000
"""Most traders that a query lists by name; if there are more, all are recomputed."""

CURVE_SOURCES = ("hyperliquid.asset_ctxs", "hyperliquid.funding_rates")
"""Tables whose loads change equity curves even if nobody traded."""


def touched_query(fills: object, loads: pa.Table) -> str:
    """Select the traders with fills in the loads.

    Parameters
    ----------
    fills : object
        The raw table; `str()` is its name in SQL.
    loads : pyarrow.Table
        Loads of fills, from `new_loads`.
    """
    is_new = rows_of_loads(loads) or "false"
    return f"select distinct user_address from {fills} where {is_new}"


def active_query(trader_daily: object, from_day: int) -> str:
    """Select the traders with a fill on a day or later, days since the epoch."""
    return (
        f"select distinct user_address from {trader_daily} "
        f"where day >= {from_day * MILLISECONDS_PER_DAY}"
    )


def new_loads(
    session: Any, upstream: Sequence[object], curve: Sequence[object]
) -> tuple[pa.Table, pa.Table]:
    """Find the loads that a model has not applied yet but all its upstream models have.

    Parameters
    ----------
    session : dbt_pyjobs.session.Session
        The model's.
    upstream, curve : sequence of object
        The upstream models computed from fills, and those among them that asset
        contexts and funding rates change as well.

    Returns
    -------
    tuple of pyarrow.Table
        The loads of fills, and all loads.
    """
    of_fills = session.unapplied_loads(upstream=upstream)
    others = [session.unapplied_loads(name, upstream=curve) for name in CURVE_SOURCES]
    return of_fills, pa.concat_tables([of_fills, *others])


def first_changed_day(read: Read, trader_daily: object, loads: pa.Table) -> int | None:
    """Find the first day whose equity curves the loads can have changed.

    This is the last day with fills before the loads' first row: funding for the last
    hours of that day is added only once a later fill exists.

    Parameters
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    trader_daily : object
        Relation whose `str()` is its name in SQL.
    loads : pyarrow.Table
        From `new_loads`.

    Returns
    -------
    int or None
        Days since the epoch; None if the loads have no row.
    """
    earliest = pc.min(loads["time_from"]).as_py()
    if earliest is None:
        return None
    first = (earliest.date() - EPOCH).days
    before = read(
        f"select max(day) / {MILLISECONDS_PER_DAY} as day from {trader_daily} "
        f"where day < {first * MILLISECONDS_PER_DAY}"
    )["day"][0].as_py()
    return first if before is None else int(before)


def held_since(trader_risk_daily: object, day: int | None) -> str:
    """Return the SQL condition for traders with an equity curve on a day or later.

    Parameters
    ----------
    trader_risk_daily : object
        Relation whose `str()` is its name in SQL.
    day : int or None
        Days since the epoch; None selects nobody.
    """
    if day is None:
        return "false"
    date = EPOCH + timedelta(days=day)
    return (
        f"user_address in (select user_address from {trader_risk_daily} "
        f"where day >= date '{date}')"
    )


def users_condition(users: pa.ChunkedArray) -> str:
    """Return the SQL condition that selects these traders."""
    names = sql.Literal(users.to_pylist()).as_string(None)
    return f"user_address in (select unnest({names}::text[]))"
