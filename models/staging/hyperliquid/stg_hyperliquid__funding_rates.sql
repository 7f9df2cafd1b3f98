with

source as (

    select * from {{ source('hyperliquid', 'funding_rates') }}

),

renamed as (

    select
        coin,
        to_timestamp(time / 1000.0) as hour_at,
        time as hour_ms,
        rate as funding_rate,
        oracle_px,
        source as rate_source,

        -- lineage
        load_id
    from source

)

select * from renamed
