with

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

trader_coin_daily as (

    select * from {{ ref('trader_coin_daily') }}

),

members as (

    select distinct member_spans.user_address
    from member_spans

),

activity as (

    select
        trader_coin_daily.user_address,
        trader_coin_daily.coin,
        {{ day_to_date('trader_coin_daily.day') }} as activity_date,
        trader_coin_daily.net_flow_usd
    from trader_coin_daily
    inner join members
        on trader_coin_daily.user_address = members.user_address
    where
        trader_coin_daily.day >= {{ first_stale_day(back=6, unit='ms') }}
        and not {{ is_outcome('trader_coin_daily.coin') }}

)

select * from activity
