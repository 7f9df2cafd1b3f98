{#
    What a trader earned in all is the cash of the fills, less transfers and fees, with
    funding, and the value of what is held now; the equity of the last day is the same sum.
    So each day begins with the value with which the day before it ended. Looks at traders
    of the days that the newest loads touched (see touched_days), at a thousand at most of
    each day: their whole history is read. Compares nothing while a load is in what
    trader_pnl_daily reads and not in it.
#}
with

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
            'analytics.coin_marks_daily',
            'analytics.trader_pnl_daily'
        )
    group by applied_loads.load_id
    having not bool_or(applied_loads.consumer = 'analytics.trader_pnl_daily')

),

touched as (

    {{ touched_traders('pnl', unit='date') }}

),

chosen as (

    select touched.user_address
    from touched
    where not exists (select 1 from half_applied)

),

totals as (

    select
        pnl.user_address,
        sum(pnl.net_pnl) as net_pnl,
        sum(
            pnl.cash_usd
            - pnl.transferred_usd
            - pnl.fees_usd
            + coalesce(pnl.funding_usd, 0)
        ) as paid_usd
    from pnl
    inner join chosen
        on pnl.user_address = chosen.user_address
    group by pnl.user_address

),

mismatches as (

    select
        totals.user_address,
        totals.net_pnl,
        totals.paid_usd + last_day.value_usd as expected_pnl,
        last_day.equity_usd
    from totals
    cross join
        lateral (
            select
                curve.value_usd,
                curve.equity_usd
            from pnl as curve
            where totals.user_address = curve.user_address
            order by curve.day desc
            limit 1
        ) as last_day
    where
        totals.net_pnl <> totals.paid_usd + last_day.value_usd
        or totals.net_pnl <> last_day.equity_usd

)

select * from mismatches
