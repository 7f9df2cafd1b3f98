{#
    Guards: if both sides of a trade are loaded, they are opposite and equal in price
    and size. One side alone is valid: the other may not have been loaded. Tests the
    days that the newest loads touched (see touched_days).
#}
with

trades as (

    select
        time,
        coin,
        tid,
        count(*) as side_count,
        count(distinct side) as distinct_sides,
        min(px) as lowest_px,
        max(px) as highest_px,
        min(sz) as lowest_sz,
        max(sz) as highest_sz
    from {{ source('hyperliquid', 'fills') }}
    where
        tid <> 0
        and {{ touched_days('time') }}
    group by
        time,
        coin,
        tid

)

select * from trades
where
    side_count > 2
    or distinct_sides <> side_count
    or lowest_px <> highest_px
    or lowest_sz <> highest_sz
