"""The queries that profiles are computed from.

The database already has sums per day and per position, so a query costs a scan and a
sort. Casting and adding decimals would cost the server more, so that is done here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.rows import dict_row

from python_jobs.lib.profiles.classification import SeedRows
from python_jobs.lib.profiles.flows import sum_flows
from python_jobs.lib.profiles.ordered_rows import cut_alike
from python_jobs.lib.profiles.panel import (
    CURVE_MEASURES,
    DAILY_MEASURES,
    MILLISECONDS_PER_DAY,
    TraderPanel,
    build_panel,
)

Read = Callable[[str], pa.Table]
ReadBatches = Callable[[str], Iterator[pa.RecordBatch]]

IN_ORDER = 'order by user_address collate "C"'
"""By code point, as Python compares strings, whatever the database's collation."""


def read_rules(
    connection: psycopg.Connection[Any],
    trader_class_rules: object,
    trader_classes: object,
) -> tuple[SeedRows, SeedRows]:
    """Read the seeds of rules and of classes, as `Rulebook.from_rows` takes them."""
    cursor = connection.cursor(row_factory=dict_row)
    rules = cursor.execute(
        "select attribute, rule_order, label, metric, operator, threshold "
        f"from {trader_class_rules}"
    ).fetchall()
    classes = cursor.execute(
        f"select trader_class, leaves_signals from {trader_classes}"
    ).fetchall()
    return rules, classes


def span_query(trader_daily: object) -> str:
    """Select the first and the last day of the data, days since the epoch."""
    return (
        f"select min(day) / {MILLISECONDS_PER_DAY} as first_day, "
        f"max(day) / {MILLISECONDS_PER_DAY} as last_day from {trader_daily}"
    )


def daily_query(trader_daily: object, where: str) -> str:
    """Select one row per trader and day, as it is stored."""
    measures = ", ".join(DAILY_MEASURES)
    return (
        f"select user_address, day / {MILLISECONDS_PER_DAY} as day, {measures}, "
        "first_fill_time, last_fill_time "
        f"from {trader_daily} where {where} {IN_ORDER}"
    )


def coin_daily_query(trader_coin_daily: object, where: str) -> str:
    """Select each trader's net flow of a day in a coin."""
    return (
        f"select user_address, day / {MILLISECONDS_PER_DAY} as day, coin, net_flow_usd "
        f"from {trader_coin_daily} where not is_outcome and {where} {IN_ORDER}"
    )


def positions_query(trader_positions: object, where: str) -> str:
    """Select the closed positions; open positions are not part of a profile.

    Their profit is before funding.
    """
    rated = "is_basis_known and close_reason not in ('transfer', 'gap')"
    return (
        "select user_address, coin, side = 'long' as is_long, is_liquidated, "
        "opened_at, closed_at, gross_pnl - fees_usd as net_pnl, "
        "entry_notional_usd as entry_notional, "
        f"holding_seconds, {rated} as is_rated, "
        f"{rated} and (close_reason in ('trade', 'flip') "
        "or (close_reason = 'dust' and last_exit_at is not null)) as is_timed "
        f"from {trader_positions} where status = 'closed' and {where} "
        f"{IN_ORDER}"
    )


def curve_query(risk: object, where: str) -> str:
    """Select the cumulative figures of each trader's equity curve."""
    measures = ", ".join(CURVE_MEASURES)
    return (
        f"select user_address, day - date 'epoch' as day, {measures} "
        f"from {risk} where {where} {IN_ORDER}"
    )


def read_panels(
    read_batches: ReadBatches,
    *,
    trader_daily: object,
    trader_coin_daily: object,
    trader_positions: object,
    risk: object,
    batch_rows: int,
    traders: str = "true",
) -> Iterator[TraderPanel]:
    """Read traders with their whole history, some traders at a time.

    Every query runs once and returns its rows in order of `user_address`. The server
    sorts, on disk if there are many rows, and no table is scanned again for the next
    traders.

    Parameters
    ----------
    read_batches : callable
        Runs a query on a connection of its own and yields Arrow batches.
    trader_daily, trader_coin_daily, trader_positions, risk : object
        Relations whose `str()` is their name in SQL.
    batch_rows : int
        Approximate number of rows of all queries in memory; a trader is never split.
    traders : str
        SQL predicate on `user_address` that selects them; by default all.

    Yields
    ------
    TraderPanel
        The data of some traders.
    """
    queries = (
        daily_query(trader_daily, traders),
        coin_daily_query(trader_coin_daily, traders),
        positions_query(trader_positions, traders),
        curve_query(risk, traders),
    )
    for parts in cut_alike([read_batches(query) for query in queries], batch_rows):
        daily, coin_daily, positions, curve = parts
        users = pa.chunked_array(
            [chunk for part in parts for chunk in part["user_address"].chunks],
            pa.string(),
        )
        flows = sum_flows(coin_daily)
        yield build_panel(pc.unique(users), daily, flows, positions, curve)
