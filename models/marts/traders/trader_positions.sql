{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key='position_id',
        indexes=[
            {'columns': ['user_address', 'coin', 'opened_at']},
            {'columns': ['closed_at']},
        ],
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'closed_at',
            },
        },
    )
}}

with

trader_position_hours as (

    select * from {{ ref('trader_position_hours') }}

),

funding as (

    select * from {{ ref('int_positions__funding') }}

),

-- A late fill or rate changes only positions that were not closed before it.
stale_positions as (

    select
        trader_position_hours.*,
        -- A dust conversion is no act of the trader: holding ended at the last exit.
        case
            when trader_position_hours.close_reason = 'dust'
                then trader_position_hours.last_exit_at
            else trader_position_hours.closed_at
        end as held_until
    from trader_position_hours
    where
        trader_position_hours.is_open
        or trader_position_hours.closed_at >= {{ first_stale_day(unit='timestamptz') }}

),

-- A position without a row in funding had no payment due.
funded_positions as (

    select
        stale_positions.*,
        case
            when funding.position_id is null then 0
            else funding.funding_usd
        end as funding_usd,
        coalesce(funding.is_funding_known, true) as is_funding_known
    from stale_positions
    left join funding
        on stale_positions.position_id = funding.position_id

),

positions as (

    select
        funded_positions.position_id,
        funded_positions.user_address,
        funded_positions.coin,
        funded_positions.side,
        case when funded_positions.closed_at is null then 'open' else 'closed' end
            as status,
        funded_positions.opened_at,
        funded_positions.closed_at,
        funded_positions.last_fill_at,
        funded_positions.size,
        funded_positions.max_size,
        {{ average_price(
            'funded_positions.entry_notional_usd', 'funded_positions.entry_size'
        ) }} as entry_vwap,
        {{ average_price(
            'funded_positions.exit_notional_usd', 'funded_positions.exit_size'
        ) }} as exit_vwap,
        funded_positions.entry_size,
        funded_positions.entry_notional_usd,
        funded_positions.exit_size,
        funded_positions.exit_notional_usd,
        case
            when
                funded_positions.closed_at is null
                or not funded_positions.is_basis_known
                then funded_positions.cost_basis_usd
            else 0
        end as cost_basis_usd,
        funded_positions.gross_pnl,
        -- Exits minus entries, plus the cost of what is still held.
        trim_scale(
            case funded_positions.side when 'long' then 1 else -1 end
            * (
                funded_positions.exit_notional_usd
                - funded_positions.entry_notional_usd
                + funded_positions.cost_basis_usd
            )
        ) as recomputed_pnl,
        funded_positions.fees_usd,
        funded_positions.funding_usd,
        trim_scale(
            funded_positions.gross_pnl
            - funded_positions.fees_usd
            + coalesce(funded_positions.funding_usd, 0)
        ) as net_pnl,
        funded_positions.fill_count,
        trim_scale(
            extract(epoch from funded_positions.held_until - funded_positions.opened_at)
        ) as holding_seconds,
        funded_positions.close_reason,
        funded_positions.is_liquidated,
        funded_positions.is_basis_known,
        funded_positions.gap_count,
        funded_positions.last_exit_at,
        funded_positions.is_funding_known
    from funded_positions

)

select * from positions
