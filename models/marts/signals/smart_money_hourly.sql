{# Change columns that the scorecard evaluates together with signal_list.py and
    signal_shuffles.py in python_jobs/lib/scorecards. #}
{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['hour_at', 'coin'],
        indexes=[{'columns': ['coin', 'hour_at']}],
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'hour_at',
                'days_before': 1,
            },
        },
    )
}}

with

held as (

    select * from {{ ref('int_signals__hourly_held') }}

),

flows as (

    select * from {{ ref('int_signals__hourly_flows') }}

),

coin_hourly as (

    select * from {{ ref('coin_hourly') }}

),

sizes as (

    select
        coalesce(held.hour_at, flows.hour_at) as hour_at,
        coalesce(held.coin, flows.coin) as coin,
        coalesce(held.long_size, 0) as long_size,
        coalesce(held.short_size, 0) as short_size,
        coalesce(held.trader_count, 0)::bigint as trader_count,
        coalesce(held.long_count, 0)::bigint as long_count,
        coalesce(flows.net_flow_usd, 0) as net_flow_usd,
        coalesce(flows.buyer_count, 0) as buyer_count,
        coalesce(flows.seller_count, 0) as seller_count,
        coalesce(flows.new_long_count, 0) as new_long_count,
        coalesce(flows.new_short_count, 0) as new_short_count
    from held
    full outer join flows
        on
            held.hour_at = flows.hour_at
            and held.coin = flows.coin

),

-- At the last price up to the end of the hour; a coin without any price has no row.
valued as (

    select
        sizes.*,
        round(sizes.long_size * last_trade.close_px, 6) as long_usd,
        round(sizes.short_size * last_trade.close_px, 6) as short_usd
    from sizes
    cross join
        lateral (
            select coin_hourly.close_px
            from coin_hourly
            where
                sizes.coin = coin_hourly.coin
                and extract(epoch from sizes.hour_at)::bigint * 1000
                >= coin_hourly.hour
            order by coin_hourly.hour desc
            limit 1
        ) as last_trade

),

-- Stored earlier hours are added: the z-score needs them. It asks for a number of rows,
-- one an hour; hours without a row do not count.
net_by_hour as (

    select
        valued.hour_at,
        valued.coin,
        trim_scale(valued.long_usd - valued.short_usd) as smart_net_usd
    from valued
    union all
    select
        hour_at,
        coin,
        smart_net_usd
    from {{ this }}
    where
        hour_at >= {{ first_stale_day(
            back=var('signal_z_window_days'), unit='timestamptz'
        ) }}
        and hour_at < {{ first_stale_day(unit='timestamptz') }}

),

z_scores as (

    select
        net_by_hour.hour_at,
        net_by_hour.coin,
        net_by_hour.smart_net_usd,
        {{ trailing_z_score(
            'net_by_hour.smart_net_usd', 'trailing_days', 24 * var('signal_z_min_days')
        ) }} as net_z_score
    from net_by_hour
    window
        trailing_days as (
            partition by net_by_hour.coin
            order by net_by_hour.hour_at
            range between
            interval '{{ var('signal_z_window_days') }} days' preceding
            and interval '1 hour' preceding
        )

),

signals as (

    select
        valued.hour_at,
        valued.coin,
        z_scores.smart_net_usd,
        trim_scale(valued.long_usd) as smart_long_usd,
        trim_scale(valued.short_usd) as smart_short_usd,
        (valued.long_usd / nullif(valued.short_usd, 0))::double precision
            as long_short_ratio,
        trim_scale(round(valued.net_flow_usd, 6)) as net_flow_usd,
        valued.buyer_count,
        valued.seller_count,
        valued.new_long_count,
        valued.new_short_count,
        valued.trader_count,
        valued.long_count,
        z_scores.net_z_score
    from valued
    inner join z_scores
        on
            valued.hour_at = z_scores.hour_at
            and valued.coin = z_scores.coin

)

select * from signals
