{%- set window_days = var('alert_window_days') | int -%}
{%- set fresh_days = var('fresh_wallet_days') | int -%}

with

trader_coin_daily as (

    select * from {{ ref('trader_coin_daily') }}

),

trader_profiles as (

    select * from {{ ref('trader_profiles') }}

),

coin_daily as (

    select * from {{ ref('coin_daily') }}

),

thresholds as (

    select * from {{ ref('int_alerts__thresholds') }}

),

history as (

    select min(coin_daily.day) as first_day
    from coin_daily

),

-- Traders who were fresh on a stale day or on a day that the trailing mean needs.
new_traders as (

    select
        trader_profiles.user_address,
        (trader_profiles.first_active_at at time zone 'utc')::date as first_date
    from trader_profiles
    where
        trader_profiles.first_active_at
        >= {{ first_stale_day(back=window_days + fresh_days, unit='timestamptz') }}

),

activity as (

    select
        trader_coin_daily.day,
        trader_coin_daily.coin,
        trader_coin_daily.maker_volume + trader_coin_daily.taker_volume as volume_usd
    from new_traders
    inner join trader_coin_daily
        on new_traders.user_address = trader_coin_daily.user_address
    where
        trader_coin_daily.day >= {{ first_stale_day(back=window_days, unit='ms') }}
        and {{ day_to_date('trader_coin_daily.day') }} - new_traders.first_date
        < {{ fresh_days }}

),

fresh as (

    select
        activity.day,
        activity.coin,
        sum(activity.volume_usd) as volume_usd,
        count(*) as trader_count
    from activity
    where activity.volume_usd > 0
    group by
        activity.day,
        activity.coin

),

-- A day without fresh wallets counts as zero.
compared as (

    select
        fresh.*,
        coalesce(sum(fresh.volume_usd) over trailing_days, 0)
        / {{ window_days }} as mean_usd
    from fresh
    window
        trailing_days as (
            partition by fresh.coin
            order by fresh.day
            range between
            {{ window_days * 86400000 }} preceding
            and 86400000 preceding
        )

),

-- In the first days of the data every trader looks new, so no alerts are made.
fresh_wallets as (

    select
        {{ day_to_date('compared.day') }} as day,
        compared.coin,
        compared.volume_usd,
        compared.trader_count,
        (compared.volume_usd / nullif(compared.mean_usd, 0))::double precision
            as multiple,
        thresholds.fresh_wallets_volume_usd as threshold_usd,
        thresholds.fresh_wallets_multiple_of_mean as multiple_threshold
    from compared
    cross join history
    cross join thresholds
    where
        compared.day >= {{ first_stale_day(unit='ms') }}
        and compared.day - history.first_day
        >= {{ (window_days + fresh_days) * 86400000 }}
        and compared.volume_usd >= thresholds.fresh_wallets_volume_usd
        and compared.volume_usd
        >= thresholds.fresh_wallets_multiple_of_mean * compared.mean_usd

)

select * from fresh_wallets
