"""Headlines of the tick store: venues, gaps, and windows like the newest one."""

from __future__ import annotations

from headlines.sections import Section

VENUES = Section(
    "Ticks by venue (market_data.btc_ohlcv_5m, market_data.tick_gaps)",
    [
        ("venue", ""),
        ("first", ""),
        ("last", ""),
        ("ticks", ",d"),
        ("BTC", ",.1f"),
        ("last price", ",.2f"),
        ("gaps", "d"),
        ("ids missing", ",d"),
    ],
    """
        with candles as (
            select
                exchange,
                to_char(min(bucket) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as first,
                to_char(max(bucket) at time zone 'UTC', 'YYYY-MM-DD HH24:MI') as last,
                sum(trade_count)::bigint as ticks,
                sum(volume) as volume,
                (array_agg(close order by bucket desc))[1] as price
            from market_data.btc_ohlcv_5m
            group by exchange
        ),

        gaps as (
            select exchange, count(*) as gaps, sum(missing_count)::bigint as missing
            from market_data.tick_gaps
            group by exchange
        )

        select
            candles.*,
            coalesce(gaps.gaps, 0),
            coalesce(gaps.missing, 0)
        from candles
        left join gaps using (exchange)
        order by candles.ticks desc, candles.exchange
    """,
)

_NEWEST = """
    (
        select nearest.exchange, nearest.bucket
        from signals.btc_similar_windows as nearest
        inner join (
            select exchange, sum(trade_count) as ticks
            from market_data.btc_ohlcv_5m
            group by exchange
        ) as venues using (exchange)
        order by venues.ticks desc, nearest.bucket desc
        limit 1
    ) as newest
"""

SIMILAR = Section(
    "Windows most like the newest one (signals.btc_similar_windows)",
    [
        ("venue", ""),
        ("window", ""),
        ("rank", "d"),
        ("like", ""),
        ("similarity", ".3f"),
        ("return 5 min later", "+.2%"),
        ("15 min later", "+.2%"),
    ],
    f"""
        select
            exchange,
            to_char(bucket at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
            nearest.neighbour_rank,
            to_char(nearest.neighbour_bucket at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
            nearest.similarity,
            exp((nearest.what_followed -> '5 minutes' ->> 'log_return')::float8) - 1,
            exp((nearest.what_followed -> '15 minutes' ->> 'log_return')::float8) - 1
        from signals.btc_similar_windows as nearest
        inner join {_NEWEST} using (exchange, bucket)
        order by nearest.neighbour_rank
    """,
)

SUMMARY = Section(
    "What followed them, by similarity (signals.btc_similar_windows_summary)",
    [
        ("after", ""),
        ("windows", "d"),
        ("expected return", "+.2%"),
        ("same sign", ".0%"),
        ("of all windows", ".0%"),
        ("volatility", ".2%"),
    ],
    f"""
        select
            summary.horizon,
            summary.neighbour_count,
            exp(summary.expected_return) - 1,
            summary.hit_rate,
            base.rate,
            summary.expected_volatility
        from signals.btc_similar_windows_summary as summary
        inner join {_NEWEST} using (exchange, bucket)
        -- How often any window was followed by that sign: what the share has to exceed.
        cross join lateral (
            select
                avg((sign(labelled.log_return) = sign(summary.expected_return))::int)
                    as rate
            from (
                select
                    (label_snapshot -> summary.horizon ->> 'log_return')::float8
                        as log_return
                from signals.btc_embeddings as windows
                where
                    windows.exchange = summary.exchange
                    and windows.feature_version = summary.feature_version
            ) as labelled
            where labelled.log_return <> 0
        ) as base
        order by summary.horizon::interval
    """,
)

SECTIONS = (VENUES, SIMILAR, SUMMARY)
