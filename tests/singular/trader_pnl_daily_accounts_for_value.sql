{#
    The total profit of a trader equals the cash of the fills, minus transfers and fees,
    plus funding, plus the value of the open positions; the equity of the last day is
    the same sum. So each day begins with the value with which the day before it ended.
    Tests at most a thousand traders of each day that the newest loads touched (see
    touched_days), because it reads their whole history. Compares nothing while a load
    is applied to an input of trader_pnl_daily but not to trader_pnl_daily.
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
