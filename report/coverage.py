"""What the data cover, and totals: the head of the page."""

from __future__ import annotations

from datetime import datetime

from report.ask import Connection, Record, ask, missing

FILL_TABLES = (
    "analytics.coin_daily",
    "analytics.trader_positions",
    "analytics.trader_pnl_daily",
    "analytics.coin_marks_daily",
    "analytics.coin_open_interest_daily",
    "analytics.trader_profiles",
    "analytics.asset_signals",
    "reference.trader_classes",
)
TICK_TABLES = (
    "market_data.btc_ohlcv_5m",
    "market_data.btc_ohlcv_1m",
    "signals.btc_feature_scales",
    "signals.btc_similar_windows",
    "signals.btc_similar_windows_summary",
)


def fills(conn: Connection) -> Record | None:
    """Return days, fills, coins and traders; None without any fill.

    `volume` counts both sides of each trade, USD.
    """
    [found] = ask(
        conn,
        """
        select
            to_timestamp(min(coin_daily.day) / 1000.0)::date as first_day,
            to_timestamp(max(coin_daily.day) / 1000.0)::date as last_day,
            sum(coin_daily.fill_count)::bigint as fills,
            count(distinct coin_daily.coin) as coins,
            sum(coin_daily.volume)::float8 as volume,
            (select count(*) from analytics.trader_profiles) as traders,
            (
                select count(*) from analytics.trader_profiles where is_smart_money
            ) as smart_traders,
            (select max(last_active_at) from analytics.trader_profiles) as last_fill_at
        from analytics.coin_daily
        """,
    )
    return found if found["fills"] else None


def ticks(conn: Connection) -> list[Record]:
    """Return venues of bitcoin trades, the busiest first."""
    return ask(
        conn,
        """
        select
            exchange,
            min(bucket) as first_at,
            max(bucket) + interval '5 minutes' as last_at,
            sum(trade_count)::bigint as ticks
        from market_data.btc_ohlcv_5m
        group by exchange
        order by sum(trade_count) desc, exchange
        limit 50
        """,
    )


def built_at(conn: Connection) -> datetime | None:
    """Return when a model last applied a load; None without the right to read it."""
    if missing(conn, ["ingestion.applied_loads"]):
        return None
    latest: datetime | None
    [(latest,)] = conn.execute("select max(applied_at) from ingestion.applied_loads")
    return latest
