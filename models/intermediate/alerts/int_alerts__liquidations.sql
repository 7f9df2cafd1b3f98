{%- set window_days = var('alert_window_days') | int -%}

with

-- The stale days, and the days before them that the trailing mean needs.
coin_hourly as (

    select * from {{ ref('coin_hourly') }}
    where
        hour >= {{ first_stale_day(back=window_days, unit='ms') }}
        and (long_liquidated_usd > 0 or short_liquidated_usd > 0)

),

coin_daily as (

    select * from {{ ref('coin_daily') }}

),

thresholds as (

    select * from {{ ref('int_alerts__thresholds') }}

),

history as (

    select min(coin_daily.day) as first_day
    from coin_daily

),

sides as (

    select
        coin_hourly.hour,
        coin_hourly.coin,
        liquidated.side,
        liquidated.usd,
        liquidated.fills
    from coin_hourly
    cross join
        lateral (
            values
            ('long', coin_hourly.long_liquidated_usd, coin_hourly.long_liquidations),
            ('short', coin_hourly.short_liquidated_usd, coin_hourly.short_liquidations)
        ) as liquidated (side, usd, fills)
    where liquidated.usd > 0

),

-- An hour without liquidations counts as zero.
compared as (

    select
        sides.*,
        coalesce(sum(sides.usd) over trailing_hours, 0)
        / {{ 24 * window_days }} as mean_usd
    from sides
    window
        trailing_hours as (
            partition by sides.coin, sides.side
            order by sides.hour
            range between
            {{ window_days * 86400000 }} preceding
            and 3600000 preceding
        )

),

-- In the first days of the data the trailing mean is unreliable, so no alerts are made.
liquidations as (

    select
        to_timestamp(compared.hour / 1000) as hour_at,
        compared.coin,
        compared.side,
        compared.usd as liquidated_usd,
        compared.fills as fill_count,
        (compared.usd / nullif(compared.mean_usd, 0))::double precision as multiple,
        thresholds.liquidation_cascade_liquidated_usd as threshold_usd,
        thresholds.liquidation_cascade_multiple_of_mean as multiple_threshold
    from compared
    cross join history
    cross join thresholds
    where
        compared.hour >= {{ first_stale_day(unit='ms') }}
        and compared.hour - history.first_day >= {{ window_days * 86400000 }}
        and compared.usd >= thresholds.liquidation_cascade_liquidated_usd
        and compared.usd
        >= thresholds.liquidation_cascade_multiple_of_mean * compared.mean_usd

)

select * from liquidations
