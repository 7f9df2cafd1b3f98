with

trader_position_hours as (

    select * from {{ ref('trader_position_hours') }}

),

hours as (

    select
        trader_position_hours.*,
        (trader_position_hours.hour_at at time zone 'utc')::date as from_day,
        (trader_position_hours.next_hour_at at time zone 'utc')::date as next_day
    from trader_position_hours

),

-- The last hour with fills of each day has the position at the end of the day.
day_spans as (

    select
        hours.position_id,
        hours.user_address,
        hours.coin,
        hours.from_day,
        case
            when hours.closed_at is not null then hours.from_day
            else coalesce(hours.next_day - 1, 'infinity')
        end as to_day,
        hours.size,
        case hours.side when 'long' then 1 else -1 end as sign,
        hours.entry_size,
        hours.entry_notional_usd,
        hours.exit_size,
        hours.exit_notional_usd,
        hours.gross_pnl,
        hours.fees_usd,
        hours.hour_at,
        hours.next_hour_at,
        hours.closed_at,
        hours.is_latest,
        hours.is_open
    from hours
    where
        hours.next_day is null
        or hours.next_day > hours.from_day

)

select * from day_spans
