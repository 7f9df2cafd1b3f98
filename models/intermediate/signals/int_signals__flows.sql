with

cohort_dates as (

    select * from {{ ref('int_signals__cohort_dates') }}

),

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

activity as (

    select * from {{ ref('int_signals__activity') }}

),

-- The flow of a day counts on that day and the six days after it.
flows as (

    select
        cohort_dates.as_of_date,
        activity.coin,
        sum(activity.net_flow_usd) filter (
            where activity.activity_date = cohort_dates.as_of_date
        ) as flow_24h_usd,
        sum(activity.net_flow_usd) as flow_7d_usd
    from activity
    inner join member_spans
        on
            activity.user_address = member_spans.user_address
            and activity.activity_date <= member_spans.to_date
            and activity.activity_date + 6 >= member_spans.from_date
    cross join
        lateral generate_series(
            greatest(activity.activity_date, member_spans.from_date)::timestamp,
            least(activity.activity_date + 6, member_spans.to_date)::timestamp,
            interval '1 day'
        ) as counted (counted_at)
    inner join cohort_dates
        on counted.counted_at::date = cohort_dates.as_of_date
    where
        member_spans.is_smart_money
        and not cohort_dates.is_kept
    group by
        cohort_dates.as_of_date,
        activity.coin

)

select * from flows
