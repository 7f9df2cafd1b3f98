"""Whose profiles new loads can have changed, and from which day on.

A load changes all figures of the traders it has fills of, and those of the curve of
whoever held something then. Of others no figure changes: a q-value compares only those
who traded or held something on the day.
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
from python_jobs.lib.time_slices import brought_by

MOST_TRADERS = 100_000
"""Traders that a query names one by one; of more than that all are computed anew."""

CURVE_SOURCES = ("hyperliquid.asset_ctxs", "hyperliquid.funding_rates")
"""Tables whose loads change curves, though nobody traded."""


def touched_query(fills: object, loads: pa.Table) -> str:
    """Select the traders that loads brought fills of.

    Parameters
    ----------
    fills : object
        The raw table; `str()` is its name in SQL.
    loads : pyarrow.Table
        Loads of fills, of `new_loads`.
    """
    brought = brought_by(loads) or "false"
    return f"select distinct user_address from {fills} where {brought}"


def active_query(trader_daily: object, from_day: int) -> str:
    """Select the traders with a fill on a day or later, days since the epoch."""
    return (
        f"select distinct user_address from {trader_daily} "
        f"where day >= {from_day * MILLISECONDS_PER_DAY}"
    )


def new_loads(
    session: Any, upstream: Sequence[object], curve: Sequence[object]
) -> tuple[pa.Table, pa.Table]:
    """Find the loads that a model has not taken in and that all it reads have.

    Parameters
    ----------
    session : dbt_pyjobs.session.Session
        The model's.
    upstream, curve : sequence of object
        The models it reads that are made of fills, and those among them that contexts
        and rates change, too.

    Returns
    -------
    tuple of pyarrow.Table
        The loads of fills, and all loads.
    """
    of_fills = session.unapplied_loads(upstream=upstream)
    others = [session.unapplied_loads(name, upstream=curve) for name in CURVE_SOURCES]
    return of_fills, pa.concat_tables([of_fills, *others])


def first_changed_day(read: Read, trader_daily: object, loads: pa.Table) -> int | None:
    """Find the first day whose curves loads can have changed.

    That is the last day with fills before their first row: its last hours are paid only
    when a later fill is known.

    Parameters
    ----------
    read : callable
        Runs a query and returns its rows as an Arrow table.
    trader_daily : object
        Relation whose `str()` is its name in SQL.
    loads : pyarrow.Table
        Of `new_loads`.

    Returns
    -------
    int or None
        Days since the epoch; None where the loads brought no row.
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
    """Write the SQL predicate that selects traders with a curve on a day or later.

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


def those(users: pa.ChunkedArray) -> str:
    """Write the SQL predicate that selects these traders."""
    names = sql.Literal(users.to_pylist()).as_string(None)
    return f"user_address in (select unnest({names}::text[]))"
