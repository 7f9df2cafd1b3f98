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
    {{ time_bucket('1 day', 'time', unit='ms') }} as day,
    user_address,

    -- All fills, as in the architecture guide.
    count(*) as fill_count,
    sum(px * sz) as volume,
    sum(coalesce(closed_pnl, 0)) as realized_pnl,
    sum(coalesce(fee, 0)) as fees_paid,
    avg(case when not crossed then 1.0 else 0.0 end) as maker_pct,
    sum(case when closed_pnl > 0 then 1 else 0 end) as winning_trades,
    sum(case when closed_pnl < 0 then 1 else 0 end) as losing_trades,
    count(distinct coin) as unique_coins,

    min(time) as first_fill_time,
    max(time) as last_fill_time,

    -- Trades only: no outcome coins, no vault transfers.
    coalesce(sum({{ fee_usd() }}) filter (where {{ is_trade() }}), 0) as fees_usd,
    coalesce(
        sum(px * sz) filter (where {{ is_trade() }} and {{ is_maker() }}), 0
    ) as maker_volume,
    coalesce(
        sum(px * sz) filter (where {{ is_trade() }} and not {{ is_maker() }}), 0
    ) as taker_volume,
    case
        when count(*) filter (where {{ is_trade() }} and {{ lacks_pnl() }}) = 0
            then coalesce(sum(closed_pnl) filter (where {{ is_trade() }}), 0)
    end as gross_pnl,
    case
        when count(*) filter (where {{ is_trade() }} and {{ lacks_pnl() }}) = 0
            then
                coalesce(
                    sum(coalesce(closed_pnl, 0) - {{ fee_usd() }})
                    filter (where {{ is_trade() }}),
                    0
                )
    end as net_pnl,
    count(*) filter (
        where {{ is_trade() }} and {{ is_closing() }} and closed_pnl is not null
    ) as closing_fills,
    count(*) filter (
        where {{ is_trade() }} and {{ is_closing() }} and closed_pnl > 0
    ) as winning_closes,
    count(*) filter (
        where {{ is_trade() }} and {{ is_closing() }} and closed_pnl < 0
    ) as losing_closes,

    -- Without these no PnL of the day is known: then it is NULL.
    count(*) filter (where {{ is_trade() }} and {{ lacks_pnl() }}) as fills_without_pnl,
    count(*) filter (where {{ is_own_liquidation() }}) as own_liquidations,
    count(*) filter (where {{ is_transfer('dir') }}) as transfer_fills,
    count(*) filter (where {{ is_outcome('coin') }}) as outcome_fills
from {{ source('hyperliquid', 'fills') }}
where {{ rollup_filter('time') }}
group by day, user_address
