{#
    Guards: trader_daily loses no fill and counts none twice. Its totals per day equal
    those of the fills. Recomputed from the source, so it also catches a refresh that
    missed a bucket. Tests the days that the newest loads touched (see touched_days).
#}
with

fills as (

    select
        {{ time_bucket('1 day', 'time', unit='ms') }} as day,
        count(*) as fill_count,
        sum(px * sz) as volume,
        sum(coalesce(closed_pnl, 0)) as realized_pnl,
        sum(coalesce(fee, 0)) as fees_paid
    from {{ source('hyperliquid', 'fills') }}
    where {{ touched_days('time') }}
    group by day

),

rollup as (

    select
        day,
        sum(fill_count) as fill_count,
        sum(volume) as volume,
        sum(realized_pnl) as realized_pnl,
        sum(fees_paid) as fees_paid
    from {{ ref('trader_daily') }}
    where {{ touched_days('day') }}
    group by day

)

select
    coalesce(fills.day, rollup.day) as day,
    fills.fill_count as fills_count,
    rollup.fill_count as rollup_count,
    fills.volume as fills_volume,
    rollup.volume as rollup_volume
from fills
full outer join rollup
    on fills.day = rollup.day
where
    (fills.fill_count, fills.volume, fills.realized_pnl, fills.fees_paid)
    is distinct from
    (rollup.fill_count, rollup.volume, rollup.realized_pnl, rollup.fees_paid)
