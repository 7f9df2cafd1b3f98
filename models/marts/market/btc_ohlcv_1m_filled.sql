{{ config(materialized='view', unique_key=['bucket', 'exchange']) }}

with

candles as (

    select * from {{ ref('btc_ohlcv_1m') }}

),

followed as (

    select
        candles.*,
        lead(candles.bucket) over (
            partition by candles.exchange
            order by candles.bucket
        ) as next_bucket
    from candles

),

minutes as (

    select
        followed.*,
        grid.starts_at,
        grid.starts_at > followed.bucket as is_filled
    from followed
    cross join lateral generate_series(
        followed.bucket,
        coalesce(followed.next_bucket - interval '1 minute', followed.bucket),
        interval '1 minute'
    ) as grid (starts_at)

),

filled as (

    select
        -- keys
        minutes.starts_at as bucket,
        minutes.exchange,

        -- prices
        case when minutes.is_filled then minutes.close else minutes.open end as open,
        case when minutes.is_filled then minutes.close else minutes.high end as high,
        case when minutes.is_filled then minutes.close else minutes.low end as low,
        minutes.close,

        -- trades
        case when minutes.is_filled then 0 else minutes.volume end as volume,
        case when not minutes.is_filled then minutes.vwap end as vwap,
        case when minutes.is_filled then 0 else minutes.trade_count end as trade_count,

        -- kind
        minutes.is_filled
    from minutes

)

select * from filled
