{#
    Guards: the hours of a coin's day have the same fills, volume, liquidations and
    close as the day: one is computed from the fills by hour, the other by trader. Tests
    the days that the newest loads touched (see touched_days).
#}
with

by_hour as (

    select
        {{ time_bucket('1 day', 'hour', unit='ms') }} as day,
        coin,
        sum(fill_count) as fill_count,
        sum(volume) as volume,
        sum(traded_volume) as traded_volume,
        sum(long_liquidations) as long_liquidations,
        sum(short_liquidations) as short_liquidations,
        sum(long_liquidated_usd) as long_liquidated_usd,
        sum(short_liquidated_usd) as short_liquidated_usd,
        (array_agg(close_px order by hour desc))[1] as close_px
    from {{ ref('coin_hourly') }}
    where {{ touched_days('hour') }}
    group by 1, 2

),

by_day as (

    select *
    from {{ ref('coin_daily') }}
    where {{ touched_days('day') }}

)

select
    coalesce(by_hour.day, by_day.day) as day,
    coalesce(by_hour.coin, by_day.coin) as coin,
    by_hour.fill_count as hourly_count,
    by_day.fill_count as daily_count
from by_hour
full outer join by_day
    on
        by_hour.day = by_day.day
        and by_hour.coin = by_day.coin
where
    (
        by_hour.fill_count, by_hour.volume, by_hour.traded_volume, by_hour.close_px,
        by_hour.long_liquidations, by_hour.short_liquidations,
        by_hour.long_liquidated_usd, by_hour.short_liquidated_usd
    )
    is distinct from
    (
        by_day.fill_count, by_day.volume, by_day.traded_volume, by_day.close_px,
        by_day.long_liquidations, by_day.short_liquidations,
        by_day.long_liquidated_usd, by_day.short_liquidated_usd
    )
