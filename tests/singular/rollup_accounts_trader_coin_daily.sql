{#
    Guards: per trader and day, trader_coin_daily has exactly the fills of trader_daily,
    and the same last one. Tests the days that the newest loads touched (see
    touched_days).
#}
with

by_coin as (

    select
        day,
        user_address,
        sum(fill_count) as fill_count,
        max(last_fill_time) as last_fill_time
    from {{ ref('trader_coin_daily') }}
    where {{ touched_days('day') }}
    group by
        day,
        user_address

),

by_trader as (

    select
        day,
        user_address,
        fill_count,
        last_fill_time
    from {{ ref('trader_daily') }}
    where {{ touched_days('day') }}

)

select
    coalesce(by_coin.day, by_trader.day) as day,
    coalesce(by_coin.user_address, by_trader.user_address) as user_address,
    by_coin.fill_count as coin_count,
    by_trader.fill_count as trader_count
from by_coin
full outer join by_trader
    on
        by_coin.day = by_trader.day
        and by_coin.user_address = by_trader.user_address
where
    by_coin.fill_count is distinct from by_trader.fill_count
    or by_coin.last_fill_time <> by_trader.last_fill_time
