{%- set step = var('cohort_step_days') | int -%}

with

trader_cohorts as (

    select * from {{ ref('trader_cohorts') }}

),

-- Gaps and islands: consecutive cohorts with the same flags share a run_start.
memberships as (

    select
        trader_cohorts.as_of_date,
        trader_cohorts.user_address,
        trader_cohorts.is_smart_money,
        trader_cohorts.is_winner,
        trader_cohorts.is_loser,
        trader_cohorts.as_of_date
        - {{ step }} * row_number() over (
            partition by
                trader_cohorts.user_address,
                trader_cohorts.is_smart_money,
                trader_cohorts.is_winner,
                trader_cohorts.is_loser
            order by trader_cohorts.as_of_date
        )::integer as run_start
    from trader_cohorts
    where
        trader_cohorts.as_of_date
        >= {{ first_stale_day(back=step) }}

),

spans as (

    select
        memberships.user_address,
        memberships.is_smart_money,
        memberships.is_winner,
        memberships.is_loser,
        min(memberships.as_of_date) as from_date,
        max(memberships.as_of_date) as to_date
    from memberships
    group by
        memberships.user_address,
        memberships.is_smart_money,
        memberships.is_winner,
        memberships.is_loser,
        memberships.run_start

),

member_spans as (

    select
        spans.*,
        spans.from_date < {{ first_stale_day() }}
        and spans.to_date = max(spans.to_date) over () as is_unchanged
    from spans

)

select * from member_spans
