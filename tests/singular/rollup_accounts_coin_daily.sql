{#
    Guards: both rollups of all fills have the same totals. trader_daily is compared
    with the fills by its own test, so coin_daily is compared with trader_daily. Tests
    the days that the newest loads touched (see touched_days).
#}
with

by_coin as (

    select
        day,
        sum(fill_count) as fill_count,
        sum(volume) as volume
    from {{ ref('coin_daily') }}
    where {{ touched_days('day') }}
    group by day

),

by_trader as (

    select
        day,
        sum(fill_count) as fill_count,
        sum(volume) as volume
    from {{ ref('trader_daily') }}
    where {{ touched_days('day') }}
    group by day

)

select
    coalesce(by_coin.day, by_trader.day) as day,
    by_coin.fill_count as coin_count,
    by_trader.fill_count as trader_count
from by_coin
full outer join by_trader
    on by_coin.day = by_trader.day
where
    (by_coin.fill_count, by_coin.volume)
    is distinct from (by_trader.fill_count, by_trader.volume)
