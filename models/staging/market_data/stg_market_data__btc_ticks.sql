with

source as (

    select * from {{ source('market_data', 'btc_ticks') }}

),

renamed as (

    select
        -- keys
        exchange,
        source_seq,

        -- times
        ts,
        window_start,

        -- the trade
        case side when 1 then 'buy' when -1 then 'sell' else 'unknown' end as side,
        price,
        volume,
        side * volume as signed_volume,
        price * volume as notional,
        volume >= {{ var('large_trade_btc') }} as is_large,

        -- what the recording showed beside it
        (microstructure_flags ->> 'gap_before')::bigint as missing_before,
        microstructure_flags,

        -- lineage
        ingested_at,
        load_id
    from source

)

select * from renamed
