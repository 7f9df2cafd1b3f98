"""What the data cover, and totals."""

from __future__ import annotations

from datetime import datetime

from report.reading.ask import Connection, Record, ask, missing
from report.reading.signals import COINS

FILL_TABLES = (
    "analytics.coin_daily",
    "analytics.trader_daily",
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


def open_interest(
    conn: Connection, largest: int = COINS, least_explained: int = 5
) -> list[Record]:
    """Return what all traders held in a coin, and the exchange's own figure.

    Of the newest day that has contexts, else of the newest day; the largest coins, and
    those whose `explained_share` is furthest from 1 (`doubt_rank` counts them). Ordered
    by size. A coin without a context has neither `exchange_usd` nor a share.
    """
    return ask(
        conn,
        """
        with newest as (
            select
                coalesce(
                    max(day) filter (where explained_share is not null), max(day)
                ) as day
            from analytics.coin_open_interest_daily
        ),

        valued as (
            select
                day,
                coin,
                long_size * mark_px as long_usd,
                short_size * mark_px as short_usd,
                holders,
                open_interest.open_interest * mark_px as exchange_usd,
                explained_share
            from newest
            inner join analytics.coin_open_interest_daily as open_interest using (day)
            inner join analytics.coin_marks_daily as marks using (coin, day)
        ),

        ranked as (
            select
                *,
                -- Spot, which has no shorts, comes last.
                row_number() over (
                    order by greatest(short_usd, exchange_usd) desc, coin
                ) as size_rank,
                row_number() over (
                    order by abs(explained_share - 1) desc nulls last, coin
                ) as doubt_rank,
                count(explained_share) over () as explained_coins,
                sum(long_usd + short_usd)
                    filter (where explained_share is not null) over ()
                / nullif(
                    2 * sum(exchange_usd)
                        filter (where explained_share is not null) over (),
                    0
                ) as total_share
            from valued
        )

        select
            day,
            coin,
            long_usd::float8 as long_usd,
            short_usd::float8 as short_usd,
            holders,
            exchange_usd::float8 as exchange_usd,
            explained_share,
            doubt_rank,
            explained_coins,
            total_share::float8 as total_share
        from ranked
        where
            size_rank <= {largest}
            or (doubt_rank <= {least_explained} and explained_share is not null)
        order by size_rank
        """,
        largest=largest,
        least_explained=least_explained,
    )


def built_at(conn: Connection) -> datetime | None:
    """Return when a model last applied a load; None without the right to read it."""
    if missing(conn, ["ingestion.applied_loads"]):
        return None
    latest: datetime | None
    [(latest,)] = conn.execute("select max(applied_at) from ingestion.applied_loads")
    return latest
