{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['user_address', 'day'],
        indexes=[{'columns': ['day']}],
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'day',
                'days_before': 1,
            },
        },
    )
}}

with

position_days as (

    select * from {{ ref('int_pnl__position_days') }}

),

funding_days as (

    select * from {{ ref('int_pnl__funding_days') }}

),

trader_days as (

    select
        position_days.user_address,
        position_days.day,
        -- Where one profit of the day is not known, their sum is not.
        case
            when count(*) = count(position_days.realized_pnl)
                then sum(position_days.realized_pnl)
        end as realized_pnl,
        sum(position_days.fees_usd) as fees_usd,
        sum(position_days.cash_usd) as cash_usd,
        sum(position_days.transferred_usd) as transferred_usd,
        sum(position_days.value_usd) as value_usd,
        sum(abs(position_days.value_usd)) as gross_value_usd,
        sum(position_days.value_before_usd) as value_before_usd,
        count(*) filter (where position_days.size <> 0) as open_positions,
        bool_and(position_days.has_mark) as has_marks
    from position_days
    group by
        position_days.user_address,
        position_days.day

),

funded_days as (

    select
        trader_days.*,
        case
            when funding_days.user_address is null then 0
            else funding_days.funding_usd
        end as funding_usd,
        coalesce(funding_days.is_funding_known, true) as is_funding_known
    from trader_days
    left join funding_days
        on
            trader_days.user_address = funding_days.user_address
            and trader_days.day = funding_days.day

),

valued_days as (

    select
        funded_days.*,
        funded_days.cash_usd
        - funded_days.transferred_usd
        + funded_days.value_usd
        - funded_days.value_before_usd as traded_pnl
    from funded_days

),

net_days as (

    select
        valued_days.*,
        valued_days.traded_pnl
        - valued_days.fees_usd
        + coalesce(valued_days.funding_usd, 0) as net_pnl,
        valued_days.is_funding_known and valued_days.has_marks as is_known
    from valued_days

),

traders as (

    select distinct net_days.user_address
    from net_days

),

-- The curve goes on from the last day that is kept.
kept as (

    select
        traders.user_address,
        last_day.*
    from traders
    cross join
        lateral (
            select
                curve.curve_from,
                curve.equity_usd,
                curve.peak_usd,
                curve.max_drawdown_usd,
                curve.losses_so_far_usd,
                curve.squares_so_far,
                curve.squared_losses_so_far,
                curve.unknown_days_so_far,
                curve.gross_value_days
            from {{ this }} as curve
            where
                traders.user_address = curve.user_address
                and curve.day < {{ first_stale_day() }}
            order by curve.day desc
            limit 1
        ) as last_day

),

curves as (

    select
        net_days.*,
        coalesce(kept.curve_from, min(net_days.day) over days_so_far) as curve_from,
        coalesce(kept.equity_usd, 0)
        + sum(net_days.net_pnl) over days_so_far as equity_usd,
        coalesce(kept.losses_so_far_usd, 0)
        + sum(greatest(-net_days.net_pnl, 0)) over days_so_far as losses_so_far_usd,
        coalesce(kept.squares_so_far, 0)
        + sum(net_days.net_pnl * net_days.net_pnl) over days_so_far
            as squares_so_far,
        coalesce(kept.squared_losses_so_far, 0)
        + sum(
            least(net_days.net_pnl, 0) * least(net_days.net_pnl, 0)
        ) over days_so_far as squared_losses_so_far,
        coalesce(kept.unknown_days_so_far, 0)
        + count(*) filter (where not net_days.is_known) over days_so_far
            as unknown_days_so_far,
        coalesce(kept.gross_value_days, 0)
        + sum(net_days.gross_value_usd) over days_so_far as gross_value_days,
        coalesce(kept.peak_usd, 0) as kept_peak_usd,
        coalesce(kept.max_drawdown_usd, 0) as kept_drawdown_usd
    from net_days
    left join kept
        on net_days.user_address = kept.user_address
    window
        days_so_far as (
            partition by net_days.user_address
            order by net_days.day
        )

),

peaks as (

    select
        curves.*,
        greatest(
            curves.kept_peak_usd,
            max(curves.equity_usd) over (
                partition by curves.user_address
                order by curves.day
            )
        ) as peak_usd
    from curves

),

pnl as (

    select
        peaks.user_address,
        peaks.day,
        trim_scale(peaks.realized_pnl) as realized_pnl,
        trim_scale(peaks.fees_usd) as fees_usd,
        trim_scale(peaks.funding_usd) as funding_usd,
        trim_scale(peaks.traded_pnl - peaks.realized_pnl) as unrealized_change_usd,
        trim_scale(peaks.net_pnl) as net_pnl,
        trim_scale(peaks.equity_usd) as equity_usd,
        trim_scale(peaks.cash_usd) as cash_usd,
        trim_scale(peaks.transferred_usd) as transferred_usd,
        trim_scale(peaks.value_usd) as value_usd,
        trim_scale(peaks.gross_value_usd) as gross_value_usd,
        peaks.open_positions,
        peaks.is_funding_known,
        peaks.has_marks,
        peaks.curve_from,
        trim_scale(peaks.peak_usd) as peak_usd,
        trim_scale(
            greatest(
                peaks.kept_drawdown_usd,
                max(peaks.peak_usd - peaks.equity_usd) over (
                    partition by peaks.user_address
                    order by peaks.day
                )
            )
        ) as max_drawdown_usd,
        trim_scale(peaks.losses_so_far_usd) as losses_so_far_usd,
        trim_scale(peaks.squares_so_far) as squares_so_far,
        trim_scale(peaks.squared_losses_so_far) as squared_losses_so_far,
        peaks.unknown_days_so_far,
        trim_scale(peaks.gross_value_days) as gross_value_days
    from peaks

)

select * from pnl
