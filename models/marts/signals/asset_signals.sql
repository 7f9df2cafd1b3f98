{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['as_of_date', 'coin'],
    )
}}

with

cohorts as (

    select * from {{ ref('trader_cohorts') }}

),

trader_coin_daily as (

    select * from {{ ref('trader_coin_daily') }}

),

coin_daily as (

    select * from {{ ref('coin_daily') }}

),

members as (

    select distinct cohorts.user_address
    from cohorts

),

last_cohort as (

    select max(cohorts.as_of_date) as as_of_date
    from cohorts

),

-- What members did: a row per trader, coin and active day.
activity as (

    select
        trader_coin_daily.user_address,
        trader_coin_daily.coin,
        {{ day_to_date('trader_coin_daily.day') }} as activity_date,
        trader_coin_daily.end_position,
        trader_coin_daily.net_flow_usd
    from trader_coin_daily
    inner join members
        on trader_coin_daily.user_address = members.user_address

),

-- A position holds from the day that left it to the day before the next activity.
position_spans as (

    select
        activity.user_address,
        activity.coin,
        activity.end_position,
        activity.activity_date as from_date,
        coalesce(
            lead(activity.activity_date) over (
                partition by activity.user_address, activity.coin
                order by activity.activity_date
            ) - 1,
            last_cohort.as_of_date
        ) as to_date
    from activity
    cross join last_cohort

),

price_spans as (

    select
        coin_daily.coin,
        coin_daily.close_px,
        {{ day_to_date('coin_daily.day') }} as from_date,
        coalesce(
            lead({{ day_to_date('coin_daily.day') }}) over (
                partition by coin_daily.coin
                order by coin_daily.day
            ) - 1,
            last_cohort.as_of_date
        ) as to_date
    from coin_daily
    cross join last_cohort

),

prices as (

    select
        price_spans.coin,
        price_spans.close_px,
        generate_series(
            price_spans.from_date::timestamp,
            price_spans.to_date,
            interval '1 day'
        )::date as price_date
    from price_spans

),

position_days as (

    select
        position_spans.user_address,
        position_spans.coin,
        position_spans.end_position,
        generate_series(
            position_spans.from_date::timestamp,
            position_spans.to_date,
            interval '1 day'
        )::date as held_date
    from position_spans
    where position_spans.end_position <> 0

),

-- Open positions at the end of each day, at that day's last price.
exposures as (

    select
        position_days.user_address,
        position_days.coin,
        position_days.held_date as exposure_date,
        position_days.end_position * prices.close_px as exposure_usd
    from position_days
    inner join prices
        on
            position_days.coin = prices.coin
            and position_days.held_date = prices.price_date

),

smart_money as (

    select
        cohorts.as_of_date,
        cohorts.user_address
    from cohorts
    where cohorts.is_smart_money

),

held as (

    select
        cohorts.as_of_date,
        exposures.coin,
        sum(exposures.exposure_usd) filter (
            where cohorts.is_smart_money and exposures.exposure_usd > 0
        ) as long_usd,
        -sum(exposures.exposure_usd) filter (
            where cohorts.is_smart_money and exposures.exposure_usd < 0
        ) as short_usd,
        count(*) filter (
            where cohorts.is_smart_money and exposures.exposure_usd <> 0
        ) as trader_count,
        count(*) filter (
            where cohorts.is_smart_money and exposures.exposure_usd > 0
        ) as long_count,
        sum(exposures.exposure_usd * exposures.exposure_usd) filter (
            where cohorts.is_smart_money
        ) as squares,
        sum(exposures.exposure_usd) filter (
            where cohorts.is_winner
        ) as winners_net_usd,
        sum(abs(exposures.exposure_usd)) filter (
            where cohorts.is_winner
        ) as winners_gross_usd,
        sum(exposures.exposure_usd) filter (
            where cohorts.is_loser
        ) as losers_net_usd,
        sum(abs(exposures.exposure_usd)) filter (
            where cohorts.is_loser
        ) as losers_gross_usd
    from cohorts
    inner join exposures
        on
            cohorts.as_of_date = exposures.exposure_date
            and cohorts.user_address = exposures.user_address
    group by
        cohorts.as_of_date,
        exposures.coin

),

-- What the smart money of a day held the day before.
held_before as (

    select
        smart_money.as_of_date,
        exposures.coin,
        sum(exposures.exposure_usd) as net_before_usd
    from smart_money
    inner join exposures
        on
            smart_money.as_of_date = exposures.exposure_date + 1
            and smart_money.user_address = exposures.user_address
    group by
        smart_money.as_of_date,
        exposures.coin

),

-- Each day's flow counts for that day and the six after it: nothing reaches back.
flows as (

    select
        smart_money.as_of_date,
        activity.coin,
        sum(activity.net_flow_usd) filter (
            where ages.days_ago = 0
        ) as flow_24h_usd,
        sum(activity.net_flow_usd) as flow_7d_usd
    from activity
    cross join generate_series(0, 6) as ages (days_ago)
    inner join smart_money
        on
            activity.activity_date + ages.days_ago = smart_money.as_of_date
            and activity.user_address = smart_money.user_address
    group by
        smart_money.as_of_date,
        activity.coin

),

signal_keys as (

    select
        held.as_of_date,
        held.coin
    from held
    union distinct
    select
        held_before.as_of_date,
        held_before.coin
    from held_before
    union distinct
    select
        flows.as_of_date,
        flows.coin
    from flows

),

sums as (

    select
        signal_keys.as_of_date,
        signal_keys.coin,
        coalesce(held.long_usd, 0) as smart_long_usd,
        coalesce(held.short_usd, 0) as smart_short_usd,
        coalesce(held.long_usd, 0) - coalesce(held.short_usd, 0) as smart_net_usd,
        coalesce(held_before.net_before_usd, 0) as smart_net_before_usd,
        coalesce(flows.flow_24h_usd, 0) as net_flow_24h_usd,
        coalesce(flows.flow_7d_usd, 0) as net_flow_7d_usd,
        coalesce(held.trader_count, 0) as trader_count,
        coalesce(held.long_count, 0) as long_count,
        held.squares as smart_squares,
        held.winners_net_usd,
        held.winners_gross_usd,
        held.losers_net_usd,
        held.losers_gross_usd
    from signal_keys
    left join held
        on
            signal_keys.as_of_date = held.as_of_date
            and signal_keys.coin = held.coin
    left join held_before
        on
            signal_keys.as_of_date = held_before.as_of_date
            and signal_keys.coin = held_before.coin
    left join flows
        on
            signal_keys.as_of_date = flows.as_of_date
            and signal_keys.coin = flows.coin

),

history as (

    select min({{ day_to_date('coin_daily.day') }}) as first_date
    from coin_daily

),

signals as (

    select
        sums.as_of_date,
        sums.coin,
        trim_scale(round(sums.smart_net_usd, 6)) as smart_net_usd,
        trim_scale(round(sums.smart_long_usd, 6)) as smart_long_usd,
        trim_scale(round(sums.smart_short_usd, 6)) as smart_short_usd,
        (sums.smart_long_usd / nullif(sums.smart_short_usd, 0))::double precision
            as long_short_ratio,
        trim_scale(round(sums.net_flow_24h_usd, 6)) as net_flow_24h_usd,
        case
            when sums.as_of_date - history.first_date >= 6
                then trim_scale(round(sums.net_flow_7d_usd, 6))
        end as net_flow_7d_usd,
        case
            when sums.as_of_date > history.first_date
                then trim_scale(
                    round(sums.smart_net_usd - sums.smart_net_before_usd, 6)
                )
        end as net_change_24h_usd,
        case
            when count(*) over trailing_days >= {{ var('signal_z_min_days') }}
                then (
                    (sums.smart_net_usd - avg(sums.smart_net_usd) over trailing_days)
                    / nullif(stddev_samp(sums.smart_net_usd) over trailing_days, 0)
                )::double precision
        end as net_z_score,
        sums.trader_count,
        (
            (sums.smart_long_usd + sums.smart_short_usd)
            * (sums.smart_long_usd + sums.smart_short_usd)
            / nullif(sums.smart_squares, 0)
        )::double precision as effective_trader_count,
        (
            case
                when sums.smart_net_usd >= 0 then sums.long_count
                else sums.trader_count - sums.long_count
            end
            / nullif(sums.trader_count, 0)::numeric
        )::double precision as agreement,
        (
            sums.winners_net_usd / nullif(sums.winners_gross_usd, 0)
            - sums.losers_net_usd / nullif(sums.losers_gross_usd, 0)
        )::double precision as winners_minus_losers
    from sums
    cross join history
    window
        trailing_days as (
            partition by sums.coin
            order by sums.as_of_date
            range between
            interval '{{ var('signal_z_window_days') }} days' preceding
            and interval '1 day' preceding
        )

)

select * from signals
