with

smart_money_hourly as (

    select * from {{ ref('smart_money_hourly') }}

),

hours as (

    select
        smart_money_hourly.*,
        (smart_money_hourly.hour_at at time zone 'utc')::date as day,
        case
            when smart_money_hourly.net_z_score > 0 then 'long' else 'short'
        end as direction
    from smart_money_hourly
    where
        smart_money_hourly.hour_at >= {{ first_stale_day(unit='timestamptz') }}
        and smart_money_hourly.net_z_score is not null

),

thresholds as (

    select * from {{ ref('int_alerts__thresholds') }}

),

sides as (

    select
        hours.*,
        case hours.direction
            when 'long' then hours.smart_long_usd else hours.smart_short_usd
        end as side_usd,
        case hours.direction
            when 'long' then hours.smart_short_usd else hours.smart_long_usd
        end as other_side_usd,
        case hours.direction
            when 'long' then hours.long_count
            else hours.trader_count - hours.long_count
        end as side_count
    from hours

),

-- One event per day: the first hour that reaches all thresholds.
confluence as (

    select distinct on (sides.coin, sides.day, sides.direction)
        sides.coin,
        sides.day,
        sides.direction,
        sides.hour_at,
        sides.smart_net_usd,
        sides.net_z_score,
        sides.side_count as trader_count,
        thresholds.confluence_net_z_score as z_threshold
    from sides
    cross join thresholds
    where
        abs(sides.net_z_score) >= thresholds.confluence_net_z_score
        and sides.side_count >= thresholds.confluence_trader_count
        and sides.side_usd > 0
        -- If the other side is zero, the ratio counts as infinite and the rule holds.
        and sides.side_usd
        >= thresholds.confluence_long_short_ratio * sides.other_side_usd
    order by
        sides.coin,
        sides.day,
        sides.direction,
        sides.hour_at

)

select * from confluence
