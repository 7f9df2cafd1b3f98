-- A trader who is smart money at the end of a day counts as smart money in the hours of
-- the next day.
with

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

member_hours as (

    select
        member_spans.user_address,
        greatest(
            (member_spans.from_date + 1)::timestamp at time zone 'utc',
            {{ first_stale_day(unit='timestamptz') }}
        ) as from_at,
        (
            member_spans.to_date + {{ var('cohort_step_days') | int + 1 }}
        )::timestamp at time zone 'utc' as to_at
    from member_spans
    where member_spans.is_smart_money

)

select * from member_hours
where from_at < to_at
