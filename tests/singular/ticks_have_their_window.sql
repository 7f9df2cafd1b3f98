{#
    Guards: each tick has the five-minute window that contains its time, and that window
    exists. Tests the windows that the newest loads touched (see recently_touched).
#}
with

ticks as (

    select * from {{ ref('stg_market_data__btc_ticks') }}
    where {{ recently_touched('ts') }}

),

by_window as (

    select
        exchange,
        window_start,
        min(ts) as first_at,
        max(ts) as last_at
    from ticks
    group by
        exchange,
        window_start

)

select by_window.*
from by_window
left join {{ source('market_data', 'window_5m') }} as windows
    on
        by_window.exchange = windows.exchange
        and by_window.window_start = windows.window_start
where
    windows.window_start is null
    or by_window.first_at < windows.window_start
    or by_window.last_at >= windows.window_end
    or by_window.window_start
    <> {{ time_bucket('5 minutes', 'by_window.window_start') }}
