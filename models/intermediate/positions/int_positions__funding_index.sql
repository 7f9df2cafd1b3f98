-- Cumulative funding per unit up to each hour: the funding of a span is one
-- subtraction.
with

trader_position_hours as not materialized (

    select * from {{ ref('trader_position_hours') }}

),

coin_funding_hourly as (

    select * from {{ ref('coin_funding_hourly') }}

),

newest as (

    select {{ newest_hour('trader_position_hours') }} as hour_at

),

coins as (

    select
        coin_funding_hourly.coin,
        min(coin_funding_hourly.hour_at) as from_hour_at,
        max(coin_funding_hourly.hour_at) as to_hour_at
    from coin_funding_hourly
    group by coin_funding_hourly.coin

),

hours as (

    select
        coins.coin,
        grid.hour_at
    from coins
    cross join newest
    cross join
        lateral generate_series(
            coins.from_hour_at,
            greatest(coins.to_hour_at, newest.hour_at),
            interval '1 hour'
        ) as grid (hour_at)

),

funding_index as (

    select
        hours.coin,
        hours.hour_at,
        coalesce(sum(coin_funding_hourly.paid_per_unit_usd) over so_far, 0)
            as paid_per_unit_usd,
        count(coin_funding_hourly.paid_per_unit_usd) over so_far as known_hours
    from hours
    left join coin_funding_hourly
        on
            hours.coin = coin_funding_hourly.coin
            and hours.hour_at = coin_funding_hourly.hour_at
    window
        so_far as (
            partition by hours.coin
            order by hours.hour_at
        )

)

select * from funding_index
