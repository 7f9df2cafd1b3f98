{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key='position_id',
        indexes=[
            {'columns': ['user_address', 'coin', 'opened_at']},
            {'columns': ['closed_at', 'last_fill_at']},
        ],
        meta={
            'loads': {
                'relation': 'hyperliquid.fills',
                'stale_from': 'closed_at',
            },
        },
    )
}}

with

trader_position_hours as (

    select * from {{ ref('trader_position_hours') }}

),

-- What a late fill changes was not closed before it.
stale_positions as (

    select
        trader_position_hours.*,
        -- What the exchange swept, the trader had stopped holding before.
        case
            when trader_position_hours.close_reason = 'dust'
                then trader_position_hours.last_exit_at
            else trader_position_hours.closed_at
        end as held_until
    from trader_position_hours
    where
        trader_position_hours.is_latest
        and (
            trader_position_hours.closed_at is null
            or trader_position_hours.closed_at >= {{ first_stale_day(unit='timestamptz') }}
        )

),

positions as (

    select
        stale_positions.position_id,
        stale_positions.user_address,
        stale_positions.coin,
        stale_positions.side,
        case when stale_positions.closed_at is null then 'open' else 'closed' end
            as status,
        stale_positions.opened_at,
        stale_positions.closed_at,
        stale_positions.last_fill_at,
        stale_positions.size,
        stale_positions.max_size,
        {{ average_price(
            'stale_positions.entry_notional_usd', 'stale_positions.entry_size'
        ) }} as entry_vwap,
        {{ average_price(
            'stale_positions.exit_notional_usd', 'stale_positions.exit_size'
        ) }} as exit_vwap,
        stale_positions.entry_size,
        stale_positions.entry_notional_usd,
        stale_positions.exit_size,
        stale_positions.exit_notional_usd,
        case
            when
                stale_positions.closed_at is null
                or not stale_positions.is_basis_known
                then stale_positions.cost_basis_usd
            else 0
        end as cost_basis_usd,
        stale_positions.gross_pnl,
        -- What left minus what came in, and what was there still at its cost.
        trim_scale(
            case stale_positions.side when 'long' then 1 else -1 end
            * (
                stale_positions.exit_notional_usd
                - stale_positions.entry_notional_usd
                + stale_positions.cost_basis_usd
            )
        ) as recomputed_pnl,
        stale_positions.fees_usd,
        trim_scale(stale_positions.gross_pnl - stale_positions.fees_usd) as net_pnl,
        stale_positions.fill_count,
        trim_scale(
            extract(epoch from stale_positions.held_until - stale_positions.opened_at)
        ) as holding_seconds,
        stale_positions.close_reason,
        stale_positions.is_liquidated,
        stale_positions.is_basis_known,
        stale_positions.gap_count,
        stale_positions.last_exit_at
    from stale_positions

)

select * from positions
