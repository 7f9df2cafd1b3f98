{#
    days_before: funding of a day's last hours is known only once a later fill exists, and it
    decides who was smart money on that day. So a load changes the day before its first row,
    too.

    The columns that the scorecard evaluates are also in python_jobs/lib/scorecards, in
    signal_list.py and signal_shuffles.py: change them together.
#}
{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['as_of_date', 'coin'],
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'as_of_date',
                'days_before': 1,
            },
        },
    )
}}

with

coin_values as (

    select * from {{ ref('int_signals__coin_values') }}

),

coin_daily as (

    select * from {{ ref('coin_daily') }}

),

data_start as (

    select {{ day_to_date('min(coin_daily.day)') }} as first_date
    from coin_daily

),

-- coin_values has the stale days only; stored days before them are added, for the
-- z-score. Rounded exactly as they are.
net_by_day as (

    select
        coin_values.as_of_date,
        coin_values.coin,
        trim_scale(
            round(coin_values.long_usd - coin_values.short_usd, 6)
        ) as smart_net_usd
    from coin_values
    union all
    select
        as_of_date,
        coin,
        smart_net_usd
    from {{ this }}
    where
        as_of_date >= {{ first_stale_day(back=var('signal_z_window_days')) }}
        and as_of_date < {{ first_stale_day() }}

),

z_scores as (

    select
        net_by_day.as_of_date,
        net_by_day.coin,
        net_by_day.smart_net_usd,
        {{ trailing_z_score(
            'net_by_day.smart_net_usd', 'trailing_days', var('signal_z_min_days')
        ) }} as net_z_score
    from net_by_day
    window
        trailing_days as (
            partition by net_by_day.coin
            order by net_by_day.as_of_date
            range between
            interval '{{ var('signal_z_window_days') }} days' preceding
            and interval '1 day' preceding
        )

),

signals as (

    select
        coin_values.as_of_date,
        coin_values.coin,
        z_scores.smart_net_usd,
        trim_scale(round(coin_values.long_usd, 6)) as smart_long_usd,
        trim_scale(round(coin_values.short_usd, 6)) as smart_short_usd,
        (coin_values.long_usd / nullif(coin_values.short_usd, 0))::double precision
            as long_short_ratio,
        trim_scale(round(coin_values.flow_24h_usd, 6)) as net_flow_24h_usd,
        case
            -- This day and the six before it.
            when coin_values.as_of_date - data_start.first_date >= 6
                then trim_scale(round(coin_values.flow_7d_usd, 6))
        end as net_flow_7d_usd,
        case
            when coin_values.as_of_date > data_start.first_date
                then trim_scale(
                    round(
                        coin_values.long_usd
                        - coin_values.short_usd
                        - coin_values.net_before_usd,
                        6
                    )
                )
        end as net_change_24h_usd,
        z_scores.net_z_score,
        coin_values.trader_count,
        -- The inverse of the Herfindahl–Hirschman index.
        (
            (coin_values.long_usd + coin_values.short_usd)
            * (coin_values.long_usd + coin_values.short_usd)
            / nullif(coin_values.square_usd, 0)
        )::double precision as effective_trader_count,
        -- The share of traders on the heavier side.
        (
            case
                when coin_values.long_usd >= coin_values.short_usd
                    then coin_values.long_count
                else coin_values.trader_count - coin_values.long_count
            end
            / nullif(coin_values.trader_count, 0)::numeric
        )::double precision as agreement,
        (
            coin_values.winners_net_usd / nullif(coin_values.winners_gross_usd, 0)
            - coin_values.losers_net_usd / nullif(coin_values.losers_gross_usd, 0)
        )::double precision as winners_minus_losers
    from coin_values
    inner join z_scores
        on
            coin_values.as_of_date = z_scores.as_of_date
            and coin_values.coin = z_scores.coin
    cross join data_start

)

select * from signals
