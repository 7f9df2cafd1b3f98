with

trader_cohorts as (

    select * from {{ ref('trader_cohorts') }}

),

-- min and max use the index of the primary key, so this is fast for any number of rows.
ends as (

    select
        min(trader_cohorts.as_of_date) as first_date,
        max(trader_cohorts.as_of_date) as last_date
    from trader_cohorts
    where
        trader_cohorts.as_of_date
        >= {{ first_stale_day(back=var('cohort_step_days') | int) }}

),

cohort_dates as (

    select
        counted.counted_at::date as as_of_date,
        counted.counted_at::date < {{ first_stale_day() }} as is_kept
    from ends
    cross join
        lateral generate_series(
            ends.first_date::timestamp,
            ends.last_date::timestamp,
            interval '{{ var('cohort_step_days') | int }} days'
        ) as counted (counted_at)

)

select * from cohort_dates
