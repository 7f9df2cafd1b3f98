{#
    The net flow of smart money over the hours of the last day equals that of the same
    traders on that day in trader_coin_daily. Coins with vault netting are left out.
    (With a `cohort_step_days` above 1 the day before may have no cohort.)
#}
with

signals as (

    select * from {{ ref('smart_money_hourly') }}

),

cohorts as (

    select * from {{ ref('trader_cohorts') }}

),

trader_coin_daily as (

    select * from {{ ref('trader_coin_daily') }}

),

last_day as (

    select
        max(trader_coin_daily.day) as day,
        {{ day_to_date('max(trader_coin_daily.day)') }} as last_date
    from trader_coin_daily

),

by_day as (

    select
        trader_coin_daily.coin,
        sum(trader_coin_daily.net_flow_usd) as net_flow_usd,
        sum(trader_coin_daily.transfer_fills) as transfer_fills
    from last_day
    inner join trader_coin_daily
        on last_day.day = trader_coin_daily.day
    inner join cohorts
        on
            trader_coin_daily.user_address = cohorts.user_address
            and last_day.last_date - 1 = cohorts.as_of_date
    where
        cohorts.is_smart_money
        and not trader_coin_daily.is_outcome
    group by trader_coin_daily.coin

),

by_hour as (

    select
        signals.coin,
        sum(signals.net_flow_usd) as net_flow_usd
    from signals
    cross join last_day
    where (signals.hour_at at time zone 'utc')::date = last_day.last_date
    group by signals.coin

),

mismatches as (

    select
        coalesce(by_day.coin, by_hour.coin) as coin,
        by_day.net_flow_usd as day_flow_usd,
        by_hour.net_flow_usd as hours_flow_usd
    from by_day
    full outer join by_hour
        on by_day.coin = by_hour.coin
    where
        coalesce(by_day.transfer_fills, 0) = 0
        and abs(
            coalesce(by_day.net_flow_usd, 0) - coalesce(by_hour.net_flow_usd, 0)
        ) > 0.00005
        and {{ var('cohort_step_days', 1) }} = 1

)

select * from mismatches
