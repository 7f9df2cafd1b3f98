{%- set kept_from = first_stale_day(
    back=var('cohort_step_days') | int, unit='timestamptz'
) -%}

-- `not materialized`: otherwise PostgreSQL copies a CTE that is referenced twice.
with

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

day_spans as not materialized (

    select * from {{ ref('int_positions__day_spans') }}

),

members as (

    select
        member_spans.user_address,
        bool_and(member_spans.is_unchanged) as is_unchanged
    from member_spans
    group by member_spans.user_address

),

-- Positions that began or ended since the stored cohort, and all open positions of
-- traders whose membership changed. Those of other traders are already in the sums of
-- the stored cohort.
position_spans as (

    select
        day_spans.user_address,
        day_spans.coin,
        day_spans.size,
        day_spans.from_day as from_date,
        day_spans.to_day as to_date
    from day_spans
    inner join members
        on day_spans.user_address = members.user_address
    where
        day_spans.next_hour_at >= {{ kept_from }}
        or (day_spans.is_open and day_spans.hour_at >= {{ kept_from }})
    union all
    select
        members.user_address,
        untouched.coin,
        untouched.size,
        untouched.from_day,
        untouched.to_day
    from members
    cross join
        -- The ORDER BY prevents a join, which would read all open positions.
        lateral (
            select
                day_spans.coin,
                day_spans.size,
                day_spans.from_day,
                day_spans.to_day
            from day_spans
            where
                day_spans.is_latest
                and members.user_address = day_spans.user_address
                and day_spans.is_open
                and day_spans.hour_at < {{ kept_from }}
            order by day_spans.coin
        ) as untouched
    where
        not members.is_unchanged
        -- A full computation has no stored cohort.
        and {{ first_stale_day() }} > '0001-01-01'

)

select * from position_spans
