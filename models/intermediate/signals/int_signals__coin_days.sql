{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['as_of_date', 'coin'],
        on_schema_change='fail',
        contract={'enforced': true},
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'as_of_date',
                'days_before': 1,
            },
        },
    )
}}

{%- set sizes = [
    'long_size', 'short_size', 'square_size', 'winners_net_size', 'winners_gross_size',
    'losers_net_size', 'losers_gross_size', 'size_before',
] -%}
{%- set counts = ['trader_count', 'long_count', 'member_count', 'count_before'] %}

with

cohort_dates as (

    select * from {{ ref('int_signals__cohort_dates') }}

),

held_changes as (

    select * from {{ ref('int_signals__held_changes') }}

),

flows as (

    select * from {{ ref('int_signals__flows') }}

),

-- The last stored row of each coin is the starting sum; only changes after it are
-- added.
changes as (

    select
        held_changes.change_date,
        held_changes.coin,
        held_changes.{{ (sizes + counts) | join(',\n        held_changes.') }}
    from held_changes
    union all
    select
        as_of_date,
        coin,
        {{ (sizes + counts) | join(',\n        ') }}
    from {{ this }}
    where
        as_of_date >= {{ first_stale_day(back=var('cohort_step_days') | int) }}
        and as_of_date < {{ first_stale_day() }}

),

held_spans as (

    select
        changes.coin,
        {%- for column in sizes + counts %}
        sum(changes.{{ column }}) over days_so_far as {{ column }},
        {%- endfor %}
        changes.change_date as from_date,
        coalesce(
            lead(changes.change_date) over days_so_far - 1, 'infinity'
        ) as to_date
    from changes
    window
        days_so_far as (
            partition by changes.coin
            order by changes.change_date
        )

),

-- Returns no row if no new day has a cohort; then nothing is computed.
new_dates as (

    select
        min(cohort_dates.as_of_date) as first_date,
        max(cohort_dates.as_of_date) as last_date
    from cohort_dates
    where not cohort_dates.is_kept
    having count(*) > 0

),

held_days as (

    select
        cohort_dates.as_of_date,
        held_spans.*
    from held_spans
    cross join new_dates
    cross join
        lateral generate_series(
            greatest(held_spans.from_date, new_dates.first_date)::timestamp,
            least(held_spans.to_date, new_dates.last_date)::timestamp,
            interval '1 day'
        ) as counted (counted_at)
    inner join cohort_dates
        on counted.counted_at::date = cohort_dates.as_of_date
    where
        held_spans.member_count > 0
        or held_spans.count_before > 0

),

coin_days as (

    select
        coalesce(held_days.as_of_date, flows.as_of_date) as as_of_date,
        coalesce(held_days.coin, flows.coin) as coin,
        {%- for column in sizes %}
        trim_scale(coalesce(held_days.{{ column }}, 0)) as {{ column }},
        {%- endfor %}
        {%- for column in counts %}
        coalesce(held_days.{{ column }}, 0)::bigint as {{ column }},
        {%- endfor %}
        trim_scale(coalesce(flows.flow_24h_usd, 0)) as flow_24h_usd,
        trim_scale(coalesce(flows.flow_7d_usd, 0)) as flow_7d_usd
    from held_days
    full outer join flows
        on
            held_days.as_of_date = flows.as_of_date
            and held_days.coin = flows.coin

)

select * from coin_days
