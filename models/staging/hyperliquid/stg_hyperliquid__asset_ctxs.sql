with

source as (

    select * from {{ source('hyperliquid', 'asset_ctxs') }}

),

renamed as (

    select
        coin,
        to_timestamp(time / 1000.0) as minute_at,
        time as minute_ms,
        funding as funding_rate,
        open_interest,
        oracle_px,
        mark_px,
        mid_px,
        premium,
        prev_day_px,
        day_ntl_vlm,
        impact_bid_px,
        impact_ask_px,

        -- lineage
        load_id
    from source

)

select * from renamed
