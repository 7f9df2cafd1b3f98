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

asset_ctxs as (

    select * from {{ ref('stg_hyperliquid__asset_ctxs') }}

),

coin_daily as (

    select * from {{ ref('coin_daily') }}

),

-- max() of arrays compares the first element, the time: the result is the latest
-- context.
last_contexts as (

    select
        asset_ctxs.coin,
        asset_ctxs.minute_ms / 86400000 * 86400000 as day_ms,
        max(
            array[asset_ctxs.minute_ms, asset_ctxs.mark_px, asset_ctxs.open_interest]
        ) as context
    from asset_ctxs
    where asset_ctxs.minute_ms >= {{ first_stale_day(unit='ms') }}
    group by
        asset_ctxs.coin,
        day_ms

),

contexts as (

    select
        last_contexts.coin,
        {{ day_to_date('last_contexts.day_ms') }} as day,
        last_contexts.context[2] as mark_px,
        last_contexts.context[3] as open_interest
    from last_contexts

),

trades as (

    select
        coin_daily.coin,
        {{ day_to_date('coin_daily.day') }} as day,
        coin_daily.close_px
    from coin_daily
    where coin_daily.day >= {{ first_stale_day(unit='ms') }}

),

-- The last stored mark of each coin, and the marks of the new days.
known as (

    select
        coalesce(contexts.coin, trades.coin) as coin,
        coalesce(contexts.day, trades.day) as day,
        coalesce(contexts.mark_px, trades.close_px) as mark_px,
        case when contexts.coin is null then 'trade' else 'context' end as mark_source,
        coalesce(contexts.day, trades.day) as marked_on,
        contexts.open_interest
    from contexts
    full outer join trades
        on
            contexts.coin = trades.coin
            and contexts.day = trades.day
    union all
    select
        coin,
        day,
        mark_px,
        mark_source,
        marked_on,
        null as open_interest
    from {{ this }}
    where day = {{ first_stale_day(back=1) }}

),

newest as (

    select max(known.day) as day
    from known

),

-- A day without a price has the last price before it.
spans as (

    select
        known.*,
        coalesce(
            lead(known.day) over coin_days, newest.day + 1
        ) as next_day
    from known
    cross join newest
    window
        coin_days as (
            partition by known.coin
            order by known.day
        )

),

marks as (

    select
        spans.coin,
        calendar.day_at::date as day,
        spans.mark_px,
        spans.mark_source,
        spans.marked_on,
        case
            when calendar.day_at::date = spans.day then spans.open_interest
        end as open_interest
    from spans
    cross join
        lateral generate_series(
            spans.day::timestamp, spans.next_day - interval '1 day', interval '1 day'
        ) as calendar (day_at)
    where calendar.day_at::date >= {{ first_stale_day() }}

)

select * from marks
