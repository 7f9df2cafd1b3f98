{%- set step = var('cohort_step_days') | int -%}

with

activity as (

    select * from {{ ref('int_signals__activity') }}

),

overnight as (

    select * from {{ ref('int_signals__overnight') }}

),

trader_coin_daily as (

    select * from {{ ref('trader_coin_daily') }}

),

-- The size of those that were open before: that after the last day of activity before.
day_ends as (

    select
        activity.user_address,
        activity.coin,
        activity.activity_date,
        activity.end_position,
        overnight.to_date
    from activity
    left join overnight
        on
            activity.user_address = overnight.user_address
            and activity.coin = overnight.coin
            and activity.activity_date = overnight.from_date
    where activity.activity_date >= {{ first_stale_day(back=step) }}
    union all
    select
        overnight.user_address,
        overnight.coin,
        last_activity.activity_date,
        last_activity.end_position,
        overnight.to_date
    from overnight
    cross join
        lateral (
            select
                trader_coin_daily.end_position,
                {{ day_to_date('trader_coin_daily.day') }} as activity_date
            from trader_coin_daily
            where
                overnight.user_address = trader_coin_daily.user_address
                and overnight.coin = trader_coin_daily.coin
                and trader_coin_daily.day < {{ first_stale_day(back=step, unit='ms') }}
            order by trader_coin_daily.day desc
            limit 1
        ) as last_activity
    where overnight.from_date < {{ first_stale_day(back=step) }}

),

-- A position holds from the day that left it to the day before the next activity.
position_spans as (

    select
        day_ends.user_address,
        day_ends.coin,
        day_ends.end_position,
        day_ends.activity_date as from_date,
        coalesce(
            lead(day_ends.activity_date) over key_days - 1, 'infinity'
        ) as to_date,
        -- Positions of a key follow each other: the last one that began ends last.
        max(day_ends.to_date) over key_days >= day_ends.activity_date as is_held
    from day_ends
    window
        key_days as (
            partition by day_ends.user_address, day_ends.coin
            order by day_ends.activity_date
        )

)

select * from position_spans
