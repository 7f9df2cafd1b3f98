with

coin_days as (

    select * from {{ ref('int_signals__coin_days') }}

),

coin_daily as not materialized (

    select * from {{ ref('coin_daily') }}

),

new_days as (

    select
        coin_days.*,
        -- The start of the day in the unit of coin_daily.day.
        (coin_days.as_of_date - date '1970-01-01') * bigint '86400000' as day_ms
    from coin_days
    where coin_days.as_of_date >= {{ first_stale_day() }}

),

priced as (

    select
        new_days.*,
        last_close.close_px,
        close_before.close_px as px_before
    from new_days
    left join
        lateral (
            select coin_daily.close_px
            from coin_daily
            where
                new_days.coin = coin_daily.coin
                and new_days.day_ms >= coin_daily.day
            order by coin_daily.day desc
            limit 1
        ) as last_close
        on true
    left join
        lateral (
            select coin_daily.close_px
            from coin_daily
            where
                new_days.coin = coin_daily.coin
                and new_days.day_ms > coin_daily.day
            order by coin_daily.day desc
            limit 1
        ) as close_before
        on true

),

-- trim_scale: the number of trailing zeros depends on the order of the additions, and
-- the scale of a quotient depends on it.
coin_values as (

    select
        priced.as_of_date,
        priced.coin,
        coalesce(trim_scale(priced.close_px * priced.long_size), 0) as long_usd,
        coalesce(trim_scale(priced.close_px * priced.short_size), 0) as short_usd,
        trim_scale(
            priced.close_px * priced.close_px * priced.square_size
        ) as square_usd,
        case
            when priced.close_px > 0 then priced.trader_count
            else 0
        end as trader_count,
        case when priced.close_px > 0 then priced.long_count else 0 end as long_count,
        trim_scale(priced.close_px * priced.winners_net_size) as winners_net_usd,
        trim_scale(priced.close_px * priced.winners_gross_size) as winners_gross_usd,
        trim_scale(priced.close_px * priced.losers_net_size) as losers_net_usd,
        trim_scale(priced.close_px * priced.losers_gross_size) as losers_gross_usd,
        coalesce(priced.px_before * priced.size_before, 0) as net_before_usd,
        priced.flow_24h_usd,
        priced.flow_7d_usd
    from priced

)

select * from coin_values
