with

source as (

    select * from {{ source('hyperliquid', 'fills') }}

),

renamed as (

    select
        -- keys
        user_address,
        coin,
        tid,
        oid,
        cloid,
        twap_id,
        hash,

        -- times
        to_timestamp(time / 1000.0) as filled_at,
        time as filled_ms,
        block_time as block_at,
        block_number,
        event_index,

        -- the trade
        side,
        dir,
        crossed,
        px,
        sz,
        {{ signed_size() }} as signed_size,
        px * sz as notional_usd,

        -- the position
        start_position,
        {{ position_delta() }} as position_delta,
        closed_pnl,

        -- fees
        fee,
        fee_token,
        {{ fee_in_base() }} as is_fee_in_base,
        {{ fee_usd() }} as fee_usd,
        builder,
        builder_fee,
        deployer_fee,
        priority_gas,

        -- what it is
        {{ fill_kind() }} as fill_kind,
        {{ is_maker() }} as is_maker,
        {{ is_spot('coin') }} as is_spot,
        {{ is_outcome('coin') }} as is_outcome,
        {{ is_transfer('dir') }} as is_transfer,
        {{ is_trade() }} as is_trade,
        {{ is_dust('dir') }} as is_dust,
        {{ is_closing() }} as is_closing,
        {{ is_own_liquidation() }} as is_own_liquidation,
        liquidation,

        -- lineage
        load_id
    from source

)

select * from renamed
