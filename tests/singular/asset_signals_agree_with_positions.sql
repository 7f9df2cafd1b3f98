{#
    On the last day of the data, asset_signals equals the open positions of that day's
    smart money at each coin's last price. (With a `cohort_step_days` above 1 the last
    day may have no cohort; then nothing is compared.)
#}
with

signals as (

    select * from {{ ref('asset_signals') }}

),

cohorts as (

    select * from {{ ref('trader_cohorts') }}

),

positions as (

    select * from {{ ref('trader_positions') }}

),

coin_daily as (

    select * from {{ ref('coin_daily') }}

),

last_day as (

    select {{ day_to_date('max(coin_daily.day)') }} as last_date
    from coin_daily

),

held as (

    select
        positions.coin,
        coalesce(
            sum(positions.size) filter (where positions.size > 0), 0
        ) as long_size,
        coalesce(
            -sum(positions.size) filter (where positions.size < 0), 0
        ) as short_size,
        count(*) as trader_count
    from positions
    inner join cohorts
        on positions.user_address = cohorts.user_address
    inner join last_day
        on cohorts.as_of_date = last_day.last_date
    where
        positions.status = 'open'
        and cohorts.is_smart_money
    group by positions.coin

),

expected as (

    select
        held.coin,
        held.trader_count,
        trim_scale(round(last_close.close_px * held.long_size, 6)) as smart_long_usd,
        trim_scale(round(last_close.close_px * held.short_size, 6)) as smart_short_usd
    from held
    cross join
        lateral (
            select coin_daily.close_px
            from coin_daily
            where held.coin = coin_daily.coin
            order by coin_daily.day desc
            limit 1
        ) as last_close
    where last_close.close_px > 0

),

found as (

    select signals.*
    from signals
    inner join last_day
        on signals.as_of_date = last_day.last_date
    where signals.trader_count > 0

),

mismatches as (

    select
        coalesce(found.coin, expected.coin) as coin,
        found.trader_count,
        expected.trader_count as expected_trader_count,
        found.smart_long_usd,
        expected.smart_long_usd as expected_long_usd,
        found.smart_short_usd,
        expected.smart_short_usd as expected_short_usd
    from found
    full outer join expected
        on found.coin = expected.coin
    where
        (
            found.trader_count, found.smart_long_usd, found.smart_short_usd
        ) is distinct from (
            expected.trader_count, expected.smart_long_usd, expected.smart_short_usd
        )
        and {{ var('cohort_step_days', 1) }} = 1

)

select * from mismatches
