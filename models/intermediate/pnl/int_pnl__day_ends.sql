{%- set stale_from = first_stale_day(unit='timestamptz') -%}

-- How positions stood at the end of days, and what that day's fills changed.
-- `not materialized`: otherwise PostgreSQL copies a CTE that is referenced twice.
with

trader_position_hours as not materialized (

    select * from {{ ref('trader_position_hours') }}

),

-- Of the stale days, and the row before them of each position that was open then.
hours as (

    select
        trader_position_hours.*,
        (trader_position_hours.hour_at at time zone 'utc')::date as from_day,
        (trader_position_hours.next_hour_at at time zone 'utc')::date as next_day,
        case trader_position_hours.side when 'long' then 1 else -1 end as sign
    from trader_position_hours
    where
        trader_position_hours.is_open
        or trader_position_hours.closed_at >= {{ stale_from }}
        or trader_position_hours.next_hour_at >= {{ stale_from }}

),

newest as (

    select ({{ newest_hour('trader_position_hours') }} at time zone 'utc')::date as day

),

totals as (

    select
        hours.position_id,
        hours.user_address,
        hours.coin,
        hours.from_day,
        case
            when hours.closed_at is not null then hours.from_day
            else coalesce(hours.next_day - 1, newest.day)
        end as to_day,
        hours.size,
        hours.sign * (hours.exit_notional_usd - hours.entry_notional_usd) as cash_usd,
        hours.sign * (hours.entry_size - hours.exit_size) as traded_size,
        hours.gross_pnl,
        hours.fees_usd
    from hours
    cross join newest
    where
        hours.next_day is null
        or hours.next_day > hours.from_day

),

-- The totals are those of the position's life.
day_ends as (

    select
        totals.position_id,
        totals.user_address,
        totals.coin,
        totals.from_day,
        totals.to_day,
        totals.size,
        lag(totals.size, 1, 0::numeric) over days_so_far as size_before,
        totals.cash_usd - lag(totals.cash_usd, 1, 0::numeric) over days_so_far
            as cash_usd,
        totals.traded_size - lag(totals.traded_size, 1, 0::numeric) over days_so_far
            as traded_size,
        totals.gross_pnl - lag(totals.gross_pnl, 1, 0::numeric) over days_so_far
            as gross_pnl,
        totals.fees_usd - lag(totals.fees_usd, 1, 0::numeric) over days_so_far
            as fees_usd
    from totals
    window
        days_so_far as (
            partition by totals.position_id
            order by totals.from_day
        )

)

select * from day_ends
