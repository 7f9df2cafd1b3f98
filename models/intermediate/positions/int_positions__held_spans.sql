-- A size is held from the end of its hour to the payment at the start of the hour of
-- the next fill. `not materialized`: otherwise PostgreSQL copies a CTE that is
-- referenced twice.
with

trader_position_hours as not materialized (

    select * from {{ ref('trader_position_hours') }}

),

stale_positions as (

    select trader_position_hours.position_id
    from trader_position_hours
    where
        trader_position_hours.is_open
        or trader_position_hours.closed_at
        >= {{ first_stale_day(unit='timestamptz') }}

),

newest as (

    select {{ newest_hour('trader_position_hours') }} as hour_at

),

held_spans as (

    select
        trader_position_hours.position_id,
        trader_position_hours.user_address,
        trader_position_hours.coin,
        trader_position_hours.size,
        trader_position_hours.hour_at as from_hour_at,
        coalesce(trader_position_hours.next_hour_at, newest.hour_at) as to_hour_at
    from trader_position_hours
    inner join stale_positions
        on trader_position_hours.position_id = stale_positions.position_id
    cross join newest
    where
        trader_position_hours.size <> 0
        and trader_position_hours.hour_at
        < coalesce(trader_position_hours.next_hour_at, newest.hour_at)
        and not {{ is_spot('trader_position_hours.coin') }}

)

select * from held_spans
