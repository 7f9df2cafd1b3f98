{{ config(materialized='view') }}

{%- set has_days = 'moments.day_count >= ' ~ (var('sharpe_min_days') | int) -%}

with

trader_pnl_daily as (

    select * from {{ ref('trader_pnl_daily') }}

),

curves as (

    select
        trader_pnl_daily.*,
        trader_pnl_daily.day - trader_pnl_daily.curve_from + 1 as day_count
    from trader_pnl_daily

),

-- The sums are exact: of doubles, a variance far below the mean would be noise.
moments as (

    select
        curves.*,
        (curves.equity_usd / curves.day_count)::double precision as mean,
        sqrt(
            (
                curves.day_count * curves.squares_so_far
                - curves.equity_usd * curves.equity_usd
            )::double precision
            / nullif(curves.day_count * (curves.day_count - 1), 0)
        ) as deviation,
        sqrt(
            curves.squared_losses_so_far::double precision / curves.day_count
        ) as downside_deviation
    from curves

),

risk as (

    select
        moments.user_address,
        moments.day,
        1 - moments.unknown_days_so_far::double precision / moments.day_count
            as mtm_known_share,
        round(moments.equity_usd, 6) as mtm_net_pnl,
        (
            1 + moments.equity_usd / nullif(moments.losses_so_far_usd, 0)
        )::double precision as mtm_profit_factor,
        case
            when {{ has_days }}
                then moments.mean / nullif(moments.deviation, 0) * sqrt(365)
        end as mtm_sharpe_ratio,
        case
            when {{ has_days }}
                then moments.mean / nullif(moments.downside_deviation, 0) * sqrt(365)
        end as mtm_sortino_ratio,
        moments.max_drawdown_usd::double precision as mtm_max_drawdown,
        moments.day_count::bigint as mtm_days,
        moments.gross_value_days::double precision / moments.day_count
            as mtm_mean_exposure
    from moments

)

select * from risk
