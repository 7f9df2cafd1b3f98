{{
    config(
        unique_key=['day', 'user_address'],
        indexes=[{'columns': ['user_address', 'day']}],
        meta={
            'timescale': {
                'bucket': 'day',
                'bucket_interval': '1 day',
                'refresh_policy': {
                    'start_offset': '7 days',
                    'end_offset': '1 hour',
                    'schedule_interval': '1 hour',
                },
            },
        },
    )
}}

select
    {{ time_bucket('1 day', 'day', unit='ms') }} as day,
    user_address,

    -- All fills, by the definitions of the architecture guide (docs/metrics.md,
    -- 'guide').
    sum(fill_count)::bigint as fill_count,
    sum(volume) as volume,
    sum(realized_pnl) as realized_pnl,
    sum(fees_paid) as fees_paid,
    sum(maker_fills) / sum(fill_count) as maker_pct,
    sum(winning_trades)::bigint as winning_trades,
    sum(losing_trades)::bigint as losing_trades,
    count(*) as unique_coins,

    min(first_fill_time) as first_fill_time,
    max(last_fill_time) as last_fill_time,

    -- Trades only: no outcome coins, no vault transfers.
    sum(fees_usd) as fees_usd,
    sum(maker_volume) as maker_volume,
    sum(taker_volume) as taker_volume,
    sum(twap_volume) as twap_volume,
    case when sum(fills_without_pnl) = 0 then sum(gross_pnl) end as gross_pnl,
    case when sum(fills_without_pnl) = 0 then sum(gross_pnl) - sum(fees_usd) end
        as net_pnl,
    sum(closing_fills)::bigint as closing_fills,
    sum(winning_closes)::bigint as winning_closes,
    sum(losing_closes)::bigint as losing_closes,

    -- If this is above 0, the day's PnL is unknown: gross_pnl and net_pnl are NULL.
    sum(fills_without_pnl)::bigint as fills_without_pnl,
    sum(own_liquidations)::bigint as own_liquidations,
    sum(transfer_fills)::bigint as transfer_fills,
    coalesce(sum(fill_count) filter (where is_outcome), 0)::bigint as outcome_fills
from {{ ref('trader_coin_daily') }}
where {{ rollup_filter('day') }}
group by 1, 2
