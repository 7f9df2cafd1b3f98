{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['user_address', 'day'],
        indexes=[{'columns': ['day']}],
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'day',
                'days_before': 1,
            },
        },
    )
}}

with

position_days as (

    select * from {{ ref('int_pnl__position_days') }}

),

funding_days as (

    select * from {{ ref('int_pnl__funding_days') }}

),

trader_days as (

    select
        position_days.user_address,
        position_days.day,
        -- If the profit of one position is unknown, the sum is unknown.
        case
            when count(*) = count(position_days.realized_pnl)
                then sum(position_days.realized_pnl)
        end as realized_pnl,
        sum(position_days.fees_usd) as fees_usd,
        sum(position_days.cash_usd) as cash_usd,
        sum(position_days.transferred_usd) as transferred_usd,
        sum(position_days.value_usd) as value_usd,
        sum(abs(position_days.value_usd)) as gross_value_usd,
        sum(position_days.value_before_usd) as value_before_usd,
        count(*) filter (where position_days.size <> 0) as open_positions,
        bool_and(position_days.has_mark) as has_marks
    from position_days
    group by
        position_days.user_address,
        position_days.day

),

funded_days as (

    select
        trader_days.*,
        case
            when funding_days.user_address is null then 0
            else funding_days.funding_usd
        end as funding_usd,
        coalesce(funding_days.is_funding_known, true) as is_funding_known
    from trader_days
    left join funding_days
        on
            trader_days.user_address = funding_days.user_address
            and trader_days.day = funding_days.day

),

valued_days as (

    select
        funded_days.*,
        funded_days.cash_usd
        - funded_days.transferred_usd
        + funded_days.value_usd
        - funded_days.value_before_usd as traded_pnl
    from funded_days

),

net_days as (

    select
        valued_days.*,
        valued_days.traded_pnl
        - valued_days.fees_usd
        + coalesce(valued_days.funding_usd, 0) as net_pnl
    from valued_days

),

traders as (

    select distinct net_days.user_address
    from net_days

),

-- The equity curve continues from the last stored day.
stored as (

    select
        traders.user_address,
        last_day.equity_usd
    from traders
    cross join
        lateral (
            select curve.equity_usd
            from {{ this }} as curve
            where
                traders.user_address = curve.user_address
                and curve.day < {{ first_stale_day() }}
            order by curve.day desc
            limit 1
        ) as last_day

),

curves as (

    select
        net_days.*,
        coalesce(stored.equity_usd, 0)
        + sum(net_days.net_pnl) over (
            partition by net_days.user_address
            order by net_days.day
        ) as equity_usd
    from net_days
    left join stored
        on net_days.user_address = stored.user_address

),

pnl as (

    select
        curves.user_address,
        curves.day,
        trim_scale(curves.realized_pnl) as realized_pnl,
        trim_scale(curves.fees_usd) as fees_usd,
        trim_scale(curves.funding_usd) as funding_usd,
        trim_scale(curves.traded_pnl - curves.realized_pnl) as unrealized_change_usd,
        trim_scale(curves.net_pnl) as net_pnl,
        trim_scale(curves.equity_usd) as equity_usd,
        trim_scale(curves.cash_usd) as cash_usd,
        trim_scale(curves.transferred_usd) as transferred_usd,
        trim_scale(curves.value_usd) as value_usd,
        curves.open_positions,
        curves.is_funding_known,
        curves.has_marks,
        trim_scale(curves.gross_value_usd) as gross_value_usd
    from curves

)

select * from pnl
