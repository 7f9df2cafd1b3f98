{%- set stale_from = first_stale_day(unit='timestamptz') -%}

-- Positions at the end of each day with fills, and the changes by that day's fills.
-- `not materialized`: otherwise PostgreSQL copies a CTE that is referenced twice.
with

day_spans as (

    select * from {{ ref('int_positions__day_spans') }}

),

trader_position_hours as not materialized (

    select * from {{ ref('trader_position_hours') }}

),

newest as (

    select ({{ newest_hour('trader_position_hours') }} at time zone 'utc')::date as day

),

-- The stale days, and the last row before them of each position that was open then.
totals as (

    select
        day_spans.position_id,
        day_spans.user_address,
        day_spans.coin,
        day_spans.from_day,
        least(day_spans.to_day, newest.day) as to_day,
        day_spans.size,
        day_spans.sign
        * (day_spans.exit_notional_usd - day_spans.entry_notional_usd) as cash_usd,
        day_spans.sign * (day_spans.entry_size - day_spans.exit_size) as traded_size,
        day_spans.gross_pnl,
        day_spans.fees_usd
    from day_spans
    cross join newest
    where
        day_spans.is_open
        or day_spans.closed_at >= {{ stale_from }}
        or day_spans.next_hour_at >= {{ stale_from }}

),

-- The totals are cumulative over the position, so lag() gives the change of the day.
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
