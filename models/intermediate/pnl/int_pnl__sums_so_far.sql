{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['user_address', 'day'],
        on_schema_change='fail',
        contract={'enforced': true},
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

{%- set sums = [
    'losses_so_far_usd', 'squares_so_far', 'squared_losses_so_far', 'cubes_so_far',
    'fourth_powers_so_far', 'changed_days_so_far', 'unknown_days_so_far',
    'gross_value_days',
] -%}
{%- set square = 'steps.net_pnl * steps.net_pnl' -%}
{%- set stored_columns = ['curve_from', 'mtm_net_pnl', 'peak_usd', 'max_drawdown_usd']
    + sums %}

with

trader_pnl_daily as (

    select * from {{ ref('trader_pnl_daily') }}

),

-- Rounded to a millionth of a dollar, so that the powers stay short and exact.
new_days as (

    select
        trader_pnl_daily.user_address,
        trader_pnl_daily.day,
        round(trader_pnl_daily.equity_usd, 6) as mtm_net_pnl,
        trader_pnl_daily.gross_value_usd,
        trader_pnl_daily.is_funding_known and trader_pnl_daily.has_marks as is_known
    from trader_pnl_daily
    where trader_pnl_daily.day >= {{ first_stale_day() }}

),

traders as (

    select distinct new_days.user_address
    from new_days

),

-- The last stored day of each trader before the stale days: the starting sums.
stored as (

    select
        traders.user_address,
        last_day.*
    from traders
    cross join
        lateral (
            select sums_so_far.{{ stored_columns | join(', sums_so_far.') }}
            from {{ this }} as sums_so_far
            where
                traders.user_address = sums_so_far.user_address
                and sums_so_far.day < {{ first_stale_day() }}
            order by sums_so_far.day desc
            limit 1
        ) as last_day

),

steps as (

    select
        new_days.*,
        coalesce(
            stored.curve_from, min(new_days.day) over days_so_far
        ) as curve_from,
        new_days.mtm_net_pnl
        - lag(new_days.mtm_net_pnl, 1, coalesce(stored.mtm_net_pnl, 0)) over days_so_far
            as net_pnl,
        greatest(
            coalesce(stored.peak_usd, 0), max(new_days.mtm_net_pnl) over days_so_far
        ) as peak_usd,
        {%- for name in sums %}
        coalesce(stored.{{ name }}, 0) as stored_{{ name }},
        {%- endfor %}
        coalesce(stored.max_drawdown_usd, 0) as stored_drawdown_usd
    from new_days
    left join stored
        on new_days.user_address = stored.user_address
    window
        days_so_far as (
            partition by new_days.user_address
            order by new_days.day
        )

),

sums as (

    select
        steps.user_address,
        steps.day,
        steps.mtm_net_pnl,
        steps.curve_from,
        steps.peak_usd,
        greatest(
            steps.stored_drawdown_usd,
            max(steps.peak_usd - steps.mtm_net_pnl) over days_so_far
        ) as max_drawdown_usd,
        {%- for name, term in [
            ('losses_so_far_usd', 'greatest(-steps.net_pnl, 0)'),
            ('squares_so_far', square),
            ('squared_losses_so_far', 'least(steps.net_pnl, 0) * steps.net_pnl'),
            ('cubes_so_far', square ~ ' * steps.net_pnl'),
            ('fourth_powers_so_far', square ~ ' * ' ~ square),
            ('changed_days_so_far', 'case when steps.net_pnl = 0 then 0 else 1 end'),
            ('unknown_days_so_far', 'case when steps.is_known then 0 else 1 end'),
            ('gross_value_days', 'steps.gross_value_usd'),
        ] %}
        steps.stored_{{ name }} + sum({{ term }}) over days_so_far as {{ name }},
        {%- endfor %}
        steps.day - steps.curve_from + 1 as day_count
    from steps
    window
        days_so_far as (
            partition by steps.user_address
            order by steps.day
        )

),

sums_so_far as (

    select
        sums.user_address,
        sums.day,
        sums.day_count,
        sums.curve_from,
        sums.mtm_net_pnl,
        trim_scale(sums.peak_usd) as peak_usd,
        trim_scale(sums.max_drawdown_usd) as max_drawdown_usd,
        trim_scale(sums.losses_so_far_usd) as losses_so_far_usd,
        trim_scale(sums.squares_so_far) as squares_so_far,
        trim_scale(sums.squared_losses_so_far) as squared_losses_so_far,
        trim_scale(sums.cubes_so_far) as cubes_so_far,
        trim_scale(sums.fourth_powers_so_far) as fourth_powers_so_far,
        sums.changed_days_so_far::bigint as changed_days_so_far,
        sums.unknown_days_so_far::bigint as unknown_days_so_far,
        trim_scale(sums.gross_value_days) as gross_value_days
    from sums

)

select * from sums_so_far
