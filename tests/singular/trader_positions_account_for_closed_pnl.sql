{#
    The gross profit of a trader's positions in a coin is the sum of what the exchange
    reported, and their fees are the fees of the fills, to the last digit. Keys with a fill
    without a reported profit are left out: theirs is recomputed.
#}
with

fills as (

    select * from {{ source('hyperliquid', 'fills') }}

),

positions as (

    select * from {{ ref('trader_positions') }}

),

applied as (

    select load_id
    from {{ source('ingestion', 'applied_loads') }}
    where consumer = 'analytics.trader_positions'

),

expected as (

    select
        user_address,
        coin,
        sum(closed_pnl) as gross_pnl,
        sum({{ fee_usd() }}) as fees_usd
    from fills
    where
        not {{ is_outcome('coin') }}
        and {{ position_delta() }} <> 0
        and load_id in (select applied.load_id from applied)
    group by user_address, coin
    having count(*) = count(closed_pnl)

),

found as (

    select
        user_address,
        coin,
        sum(gross_pnl) as gross_pnl,
        sum(fees_usd) as fees_usd
    from positions
    group by user_address, coin

),

final as (

    select
        expected.user_address,
        expected.coin,
        expected.gross_pnl as expected_pnl,
        found.gross_pnl as found_pnl,
        expected.fees_usd as expected_fees,
        found.fees_usd as found_fees
    from expected
    left join found
        on
            expected.user_address = found.user_address
            and expected.coin = found.coin
    where
        found.gross_pnl is distinct from expected.gross_pnl
        or found.fees_usd is distinct from expected.fees_usd

)

select * from final
