{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['coin', 'hour_at'],
        meta={
            'loads': {
                'relation': ['hyperliquid.asset_ctxs', 'hyperliquid.funding_rates'],
                'stale_from': 'hour_at',
            },
        },
    )
}}

{%- set hour_ms = 3600000 %}

with

asset_ctxs as (

    select * from {{ ref('stg_hyperliquid__asset_ctxs') }}

),

funding_rates as (

    select * from {{ ref('stg_hyperliquid__funding_rates') }}

),

-- The last contexts in the hour before each payment: the last rate before the full
-- hour, and the last price up to it.
contexts as (

    select
        asset_ctxs.coin,
        (asset_ctxs.minute_ms + {{ hour_ms - 1 }}) / {{ hour_ms }} * {{ hour_ms }}
            as hour_ms,
        (
            max(array[asset_ctxs.minute_ms, asset_ctxs.funding_rate]) filter (
                where asset_ctxs.minute_ms % {{ hour_ms }} <> 0
            )
        )[2] as funding_rate,
        (max(array[asset_ctxs.minute_ms, asset_ctxs.oracle_px]))[2] as oracle_px
    from asset_ctxs
    where asset_ctxs.minute_ms > {{ first_stale_day(unit='ms') }} - {{ hour_ms }}
    group by
        asset_ctxs.coin,
        hour_ms

),

reported as (

    select
        funding_rates.coin,
        funding_rates.hour_ms,
        funding_rates.funding_rate,
        funding_rates.oracle_px,
        funding_rates.rate_source
    from funding_rates
    where funding_rates.hour_ms >= {{ first_stale_day(unit='ms') }}

),

hours as (

    select
        coalesce(reported.coin, contexts.coin) as coin,
        to_timestamp(coalesce(reported.hour_ms, contexts.hour_ms) / 1000) as hour_at,
        coalesce(reported.funding_rate, contexts.funding_rate) as funding_rate,
        coalesce(reported.oracle_px, contexts.oracle_px) as oracle_px,
        coalesce(reported.rate_source, 'contexts') as rate_source
    from reported
    full outer join contexts
        on
            reported.coin = contexts.coin
            and reported.hour_ms = contexts.hour_ms

),

payments as (

    select
        hours.*,
        trim_scale(hours.funding_rate * hours.oracle_px) as paid_per_unit_usd
    from hours
    where hours.funding_rate is not null

)

select * from payments
