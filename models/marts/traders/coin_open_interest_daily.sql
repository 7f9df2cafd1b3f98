{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['coin', 'day'],
        meta={
            'loads': {
                'relation': ['hyperliquid.fills', 'hyperliquid.asset_ctxs'],
                'stale_from': 'day',
            },
        },
    )
}}

with

position_days as (

    select * from {{ ref('int_pnl__position_days') }}

),

coin_marks_daily as (

    select * from {{ ref('coin_marks_daily') }}

),

sizes as (

    select
        position_days.coin,
        position_days.day,
        coalesce(
            sum(position_days.size) filter (where position_days.size > 0), 0
        ) as long_size,
        coalesce(
            -sum(position_days.size) filter (where position_days.size < 0), 0
        ) as short_size,
        sum(position_days.size) as net_size,
        sum(position_days.size * position_days.size) as square_size,
        count(*) filter (where position_days.size <> 0) as holders
    from position_days
    group by
        position_days.coin,
        position_days.day

),

open_interest as (

    select
        sizes.coin,
        sizes.day,
        trim_scale(sizes.long_size) as long_size,
        trim_scale(sizes.short_size) as short_size,
        trim_scale(sizes.net_size) as net_size,
        sizes.holders,
        (
            (sizes.long_size + sizes.short_size)
            * (sizes.long_size + sizes.short_size)
            / nullif(sizes.square_size, 0)
        )::double precision as effective_holders,
        coin_marks_daily.open_interest,
        (
            (sizes.long_size + sizes.short_size)
            / (2 * nullif(coin_marks_daily.open_interest, 0))
        )::double precision as explained_share
    from sizes
    inner join coin_marks_daily
        on
            sizes.coin = coin_marks_daily.coin
            and sizes.day = coin_marks_daily.day

)

select * from open_interest
