{#
    No trader and no fill of the daily rollup is missing from the profiles or there twice.
#}
with

trader_daily as (

    select * from {{ ref('trader_daily') }}

),

profiles as (

    select * from {{ ref('trader_profiles') }}

),

daily_totals as (

    select
        trader_daily.user_address,
        sum(trader_daily.fill_count) as fill_count,
        sum(trader_daily.maker_volume + trader_daily.taker_volume) as volume,
        sum(trader_daily.net_pnl) as net_pnl
    from trader_daily
    group by trader_daily.user_address

),

mismatches as (

    select
        coalesce(profiles.user_address, daily_totals.user_address) as user_address,
        profiles.fill_count,
        daily_totals.fill_count as fill_count_by_day
    from profiles
    full outer join daily_totals
        on profiles.user_address = daily_totals.user_address
    where
        (profiles.fill_count, profiles.volume, profiles.net_pnl) is distinct from
        (daily_totals.fill_count, daily_totals.volume, daily_totals.net_pnl)

)

select * from mismatches
