{#
    The funding of a trader's days equals the funding of their positions, to the last
    digit. Tests at most a thousand traders of each day that the newest loads touched
    (see touched_days), because it reads their whole history. Compares nothing while a
    load is applied to one of the tables or of their inputs, but not to both tables.
#}
with

trader_daily as (

    select * from {{ ref('trader_daily') }}

),

positions as not materialized (

    select * from {{ ref('trader_positions') }}

),

pnl as not materialized (

    select * from {{ ref('trader_pnl_daily') }}

),

half_applied as (

    select applied_loads.load_id
    from {{ source('ingestion', 'applied_loads') }}
    where
        applied_loads.consumer in (
            'analytics.trader_position_hours',
            'analytics.coin_funding_hourly',
            'analytics.trader_positions',
            'analytics.trader_pnl_daily'
        )
    group by applied_loads.load_id
    having
        not bool_or(applied_loads.consumer = 'analytics.trader_positions')
        or not bool_or(applied_loads.consumer = 'analytics.trader_pnl_daily')

),

touched as (

    {{ touched_traders('trader_daily') }}

),

chosen as (

    select touched.user_address
    from touched
    where not exists (select 1 from half_applied)

),

by_position as (

    select
        positions.user_address,
        sum(positions.funding_usd) as funding_usd
    from positions
    inner join chosen
        on positions.user_address = chosen.user_address
    group by positions.user_address

),

by_day as (

    select
        pnl.user_address,
        sum(pnl.funding_usd) as funding_usd
    from pnl
    inner join chosen
        on pnl.user_address = chosen.user_address
    group by pnl.user_address

),

-- If no payment is known, both sums are NULL.
mismatches as (

    select
        chosen.user_address,
        by_position.funding_usd,
        by_day.funding_usd as funding_usd_by_day
    from chosen
    left join by_position
        on chosen.user_address = by_position.user_address
    left join by_day
        on chosen.user_address = by_day.user_address
    where coalesce(by_position.funding_usd, 0) <> coalesce(by_day.funding_usd, 0)

)

select * from mismatches
