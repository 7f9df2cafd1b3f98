{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key='user_address',
        meta={
            'loads': {
                'relation': 'hyperliquid.fills',
                'touched': 'user_address',
            },
        },
    )
}}

with

trader_daily as (

    select * from {{ ref('trader_daily') }}

),

trader_positions as (

    select * from {{ ref('trader_positions') }}

),

fill_counts as (

    select
        trader_daily.user_address,
        sum(trader_daily.closing_fills)::bigint as closing_fills,
        sum(trader_daily.winning_closes)::bigint as winning_closes,
        sum(trader_daily.losing_closes)::bigint as losing_closes
    from trader_daily
    where {{ touched_rows('trader_daily.user_address') }}
    group by trader_daily.user_address

),

-- A position without a known basis or a known end cannot be rated as won or lost.
rated_positions as (

    select
        trader_positions.user_address,
        -- Before funding, as in the architecture guide.
        trader_positions.gross_pnl - trader_positions.fees_usd as net_pnl
    from trader_positions
    where
        trader_positions.status = 'closed'
        and trader_positions.is_basis_known
        and trader_positions.close_reason not in ('transfer', 'gap')
        and {{ touched_rows('trader_positions.user_address') }}

),

position_counts as (

    select
        rated_positions.user_address,
        count(*) as closed_positions,
        count(*) filter (where rated_positions.net_pnl > 0) as winning_positions,
        count(*) filter (where rated_positions.net_pnl < 0) as losing_positions
    from rated_positions
    group by rated_positions.user_address

),

win_rates as (

    select
        fill_counts.user_address,
        fill_counts.closing_fills,
        fill_counts.winning_closes,
        fill_counts.losing_closes,
        fill_counts.winning_closes::double precision
        / nullif(fill_counts.closing_fills, 0) as fill_win_rate,
        coalesce(position_counts.closed_positions, 0) as closed_positions,
        coalesce(position_counts.winning_positions, 0) as winning_positions,
        coalesce(position_counts.losing_positions, 0) as losing_positions,
        position_counts.winning_positions::double precision
        / nullif(position_counts.closed_positions, 0) as position_win_rate
    from fill_counts
    left join position_counts
        on fill_counts.user_address = position_counts.user_address

)

select * from win_rates
