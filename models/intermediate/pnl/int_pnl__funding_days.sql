-- Funding payments of a trader on a day; the one at midnight belongs to the day that
-- begins.
with

held_spans as (

    select * from {{ ref('int_positions__held_spans') }}

),

funding_index as (

    select * from {{ ref('int_positions__funding_index') }}

),

-- Splits spans at midnight.
day_spans as (

    select
        held_spans.user_address,
        held_spans.coin,
        held_spans.size,
        calendar.day_at::date as day,
        greatest(
            held_spans.from_hour_at,
            calendar.day_at at time zone 'utc' - interval '1 hour'
        ) as from_hour_at,
        least(
            held_spans.to_hour_at,
            calendar.day_at at time zone 'utc' + interval '23 hours'
        ) as to_hour_at
    from held_spans
    cross join
        lateral generate_series(
            greatest(
                (
                    (held_spans.from_hour_at + interval '1 hour') at time zone 'utc'
                )::date,
                {{ first_stale_day() }}
            )::timestamp,
            held_spans.to_hour_at at time zone 'utc',
            interval '1 day'
        ) as calendar (day_at)
    where held_spans.to_hour_at >= {{ first_stale_day(unit='timestamptz') }}

),

funding_days as (

    {{ funding_of_spans('day_spans', 'funding_index', by=['user_address', 'day']) }}

)

select * from funding_days
