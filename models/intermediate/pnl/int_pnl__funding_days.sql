-- Payments of a trader on a day; the one at midnight belongs to the day that begins.
with

held_spans as (

    select * from {{ ref('int_positions__held_spans') }}

),

funding_index as (

    select * from {{ ref('int_positions__funding_index') }}

),

-- Of a span that lasts over midnight, each day by itself.
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
                {{ first_stale_day(back=1) }}
            )::timestamp,
            held_spans.to_hour_at at time zone 'utc',
            interval '1 day'
        ) as calendar (day_at)
    where held_spans.to_hour_at >= {{ first_stale_day(back=1, unit='timestamptz') }}

),

payments as (

    select
        day_spans.user_address,
        day_spans.day,
        sum(
            -day_spans.size
            * (
                coalesce(until_end.paid_per_unit_usd, 0)
                - coalesce(until_begin.paid_per_unit_usd, 0)
            )
        ) as known_funding_usd,
        sum(coalesce(until_end.known_hours, 0) - coalesce(until_begin.known_hours, 0))
            as known_hours,
        sum(extract(epoch from day_spans.to_hour_at - day_spans.from_hour_at) / 3600)
            as held_hours
    from day_spans
    left join funding_index as until_begin
        on
            day_spans.coin = until_begin.coin
            and day_spans.from_hour_at = until_begin.hour_at
    left join funding_index as until_end
        on
            day_spans.coin = until_end.coin
            and day_spans.to_hour_at = until_end.hour_at
    group by
        day_spans.user_address,
        day_spans.day

),

funding_days as (

    select
        payments.user_address,
        payments.day,
        case when payments.known_hours > 0 then payments.known_funding_usd end
            as funding_usd,
        payments.known_hours = payments.held_hours as is_funding_known
    from payments

)

select * from funding_days
