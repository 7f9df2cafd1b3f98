{{
    config(
        unique_key=['day', 'user_address', 'coin'],
        indexes=[{'columns': ['user_address', 'coin', 'day']}],
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

{%- set last_fill = 'max(' ~ fill_sort_key() ~ ')' %}

-- trader_daily and coin_daily sum its rows and do not read the fills again.
select
    {{ time_bucket('1 day', 'time', unit='ms') }} as day,
    user_address,
    coin,
    bool_or({{ is_outcome('coin') }}) as is_outcome,
    count(*) as fill_count,
    sum({{ position_delta() }}) as net_size,
    coalesce(
        sum({{ position_delta() }} * px) filter (where not {{ is_transfer('dir') }}), 0
    ) as net_flow_usd,
    max(time) as last_fill_time,
    min(time) as first_fill_time,

    -- All fills, by the definitions of the architecture guide (docs/metrics.md,
    -- 'guide').
    sum(px * sz) as volume,
    sum(coalesce(closed_pnl, 0)) as realized_pnl,
    sum(coalesce(fee, 0)) as fees_paid,
    count(*) filter (where {{ is_maker() }}) as maker_fills,
    count(*) filter (where closed_pnl > 0) as winning_trades,
    count(*) filter (where closed_pnl < 0) as losing_trades,
    sum(
        case
            when dir like 'Open Long%' or dir like 'Close Short%' then sz else 0
        end
    ) as buy_volume,
    sum(
        case
            when dir like 'Open Short%' or dir like 'Close Long%' then sz else 0
        end
    ) as sell_volume,

    -- Over all users total buys equal total sells, so only the takers' side tells
    -- anything. buy_volume follows dir (open long, close short), bought_volume side B.
    coalesce(sum(sz) filter (where crossed and side = 'B'), 0) as taker_buy_volume,
    coalesce(sum(sz) filter (where crossed and side = 'A'), 0) as taker_sell_volume,
    coalesce(sum(sz) filter (where side = 'B'), 0) as bought_volume,
    -- coin_daily takes close_px of the row with the greatest (last_fill_time,
    -- close_block, close_event, close_px) of a coin.
    ({{ last_fill }})[2]::bigint as close_block,
    ({{ last_fill }})[3]::bigint as close_event,
    ({{ last_fill }})[4] as close_px,

    -- Trades only: no outcome coins, no vault transfers.
    coalesce(sum({{ fee_usd() }}) filter (where {{ is_trade() }}), 0) as fees_usd,
    coalesce(
        sum(px * sz) filter (where {{ is_trade() }} and {{ is_maker() }}), 0
    ) as maker_volume,
    coalesce(
        sum(px * sz) filter (where {{ is_trade() }} and not {{ is_maker() }}), 0
    ) as taker_volume,
    coalesce(
        sum(px * sz) filter (where {{ is_trade() }} and twap_id is not null), 0
    ) as twap_volume,
    case
        when count(*) filter (where {{ is_trade() }} and {{ lacks_pnl() }}) = 0
            then coalesce(sum(closed_pnl) filter (where {{ is_trade() }}), 0)
    end as gross_pnl,
    count(*) filter (
        where {{ is_trade() }} and {{ is_closing() }} and closed_pnl is not null
    ) as closing_fills,
    count(*) filter (
        where {{ is_trade() }} and {{ is_closing() }} and closed_pnl > 0
    ) as winning_closes,
    count(*) filter (
        where {{ is_trade() }} and {{ is_closing() }} and closed_pnl < 0
    ) as losing_closes,

    -- If this is above 0, the day's PnL is unknown and gross_pnl is NULL.
    count(*) filter (where {{ is_trade() }} and {{ lacks_pnl() }}) as fills_without_pnl,
    count(*) filter (where {{ is_own_liquidation() }}) as own_liquidations,
    count(*) filter (where {{ is_liquidated('long') }}) as long_liquidations,
    coalesce(
        sum(px * sz) filter (where {{ is_liquidated('long') }}), 0
    ) as long_liquidated_usd,
    coalesce(
        sum(px * sz) filter (where {{ is_liquidated('short') }}), 0
    ) as short_liquidated_usd,
    count(*) filter (where {{ is_transfer('dir') }}) as transfer_fills
from {{ source('hyperliquid', 'fills') }}
where {{ rollup_filter('time') }}
group by day, user_address, coin
