"""The queries that profiles are computed from.

The database adds up per day and per position; everything that needs a trader's history
in order happens in `python_jobs.lib.profiles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.ordered_rows import cut_alike
from python_jobs.lib.profile_panel import (
    DAILY_MEASURES,
    MILLISECONDS_PER_DAY,
    TraderPanel,
    build_panel,
)

Read = Callable[[str], pa.Table]
ReadBatches = Callable[[str], Iterator[pa.RecordBatch]]

IN_ORDER = 'order by user_address collate "C"'
"""By code point, as Python compares strings, whatever the database's collation."""

SPOT_COIN = "(coin like '@%' or coin like '%/%')"
"""What the macro `is_spot` says; a Python model cannot call a macro."""


def rules_query(trader_class_rules: object) -> str:
    """Select the rules seed."""
    return (
        "select attribute, rule_order, label, metric, operator, threshold "
        f"from {trader_class_rules}"
    )


def classes_query(trader_classes: object) -> str:
    """Select the classes seed."""
    return f"select trader_class, leaves_signals from {trader_classes}"


def span_query(trader_daily: object) -> str:
    """Select the first and the last day of the data, days since the epoch."""
    return (
        f"select min(day) / {MILLISECONDS_PER_DAY} as first_day, "
        f"max(day) / {MILLISECONDS_PER_DAY} as last_day from {trader_daily}"
    )


def daily_query(trader_daily: object, where: str) -> str:
    """Select one row per trader and day, money as floats."""
    measures = ", ".join(f"{name}::float8 as {name}" for name in DAILY_MEASURES)
    return (
        f"select user_address, day / {MILLISECONDS_PER_DAY} as day, {measures} "
        f"from {trader_daily} where {where} {IN_ORDER}"
    )


def flows_query(trader_coin_daily: object, where: str) -> str:
    """Select each trader's flows of a day, all coins together."""
    spot = f"sum(abs(net_flow_usd)) filter (where {SPOT_COIN})"
    return (
        f"select user_address, day / {MILLISECONDS_PER_DAY} as day, "
        "sum(abs(net_flow_usd))::float8 as flow, "
        f"coalesce({spot}, 0)::float8 as spot_flow, "
        "abs(sum(net_flow_usd))::float8 as net_flow "
        f"from {trader_coin_daily} where {where} group by user_address, day "
        f"{IN_ORDER}"
    )


def positions_query(trader_positions: object, where: str) -> str:
    """Select the closed episodes; what is open now is no part of any profile."""
    rated = "is_basis_known and close_reason not in ('transfer', 'gap')"
    epoch_ms = "(extract(epoch from {}) * 1000)::bigint"
    return (
        "select user_address, coin, side = 'long' as is_long, is_liquidated, "
        f"{epoch_ms.format('opened_at')} as opened_ms, "
        f"{epoch_ms.format('closed_at')} as closed_ms, "
        "net_pnl::float8 as net_pnl, entry_notional_usd::float8 as entry_notional, "
        f"holding_seconds::float8 as holding_seconds, {rated} as is_rated, "
        f"{rated} and close_reason in ('trade', 'flip') as is_timed "
        f"from {trader_positions} where status = 'closed' and {where} "
        f"{IN_ORDER}"
    )


def totals_query(trader_daily: object, where: str) -> str:
    """Select each trader's exact totals over all days."""
    epoch = "timestamptz 'epoch' + {} * interval '1 millisecond'"
    return (
        "select user_address, "
        f"{epoch.format('min(first_fill_time)')} as first_active_at, "
        f"{epoch.format('max(last_fill_time)')} as last_active_at, "
        "sum(maker_volume + taker_volume) as volume, sum(gross_pnl) as gross_pnl, "
        "sum(fees_usd) as fees_usd, sum(net_pnl) as net_pnl "
        f"from {trader_daily} where {where} group by user_address {IN_ORDER}"
    )


def read_panels(
    read_batches: ReadBatches,
    *,
    trader_daily: object,
    trader_coin_daily: object,
    trader_positions: object,
    batch_rows: int,
    traders: str = "true",
    more: Sequence[str] = (),
) -> Iterator[tuple[TraderPanel, list[pa.Table]]]:
    """Read traders with all they ever did, some at a time.

    Every query is run once and gives its rows in order of `user_address`: the server
    sorts, which takes disk and not memory where there is much, and no table is scanned
    again for the next traders.

    Parameters
    ----------
    read_batches : callable
        Runs a query on a connection of its own and yields Arrow batches.
    trader_daily, trader_coin_daily, trader_positions : object
        Relations whose `str()` is their name in SQL.
    batch_rows : int
        Rows of all queries together to hold at once, about; a trader is never split.
    traders : str
        SQL predicate on `user_address` that selects them; by default all.
    more : sequence of str
        Further queries in the same order, whose first column is `user_address`.

    Yields
    ------
    tuple of TraderPanel and list of pyarrow.Table
        What belongs to these traders, and their rows of each of `more`.
    """
    queries = (
        daily_query(trader_daily, traders),
        flows_query(trader_coin_daily, traders),
        positions_query(trader_positions, traders),
        *more,
    )
    for parts in cut_alike([read_batches(query) for query in queries], batch_rows):
        daily, flows, positions, *rest = parts
        users = pa.chunked_array(
            [
                chunk
                for part in (daily, flows, positions)
                for chunk in part["user_address"].chunks
            ],
            pa.string(),
        )
        yield build_panel(pc.unique(users), daily, flows, positions), rest
