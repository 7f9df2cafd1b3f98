{{
    config(
        unique_key=['hour', 'coin'],
        indexes=[{'columns': ['coin', 'hour']}],
        meta={
            'timescale': {
                'bucket': 'hour',
                'bucket_interval': '1 hour',
                'refresh_policy': {
                    'start_offset': '7 days',
                    'end_offset': '1 hour',
                    'schedule_interval': '1 hour',
                },
            },
        },
    )
}}

-- It reads the fills itself: rows of trader_coin_daily have no hours.
select
    {{ time_bucket('1 hour', 'time', unit='ms') }} as hour,
    coin,
    count(*) as fill_count,
    min(time) as first_fill_time,
    max(time) as last_fill_time,

    -- As in coin_daily.
    sum(px * sz) as volume,
    coalesce(sum(sz) filter (where side = 'B'), 0) as traded_volume,
    (min({{ fill_sort_key() }}))[4] as open_px,
    (max({{ fill_sort_key() }}))[4] as close_px,

    -- By the side of the position that was liquidated.
    count(*) filter (where {{ is_liquidated('long') }}) as long_liquidations,
    count(*) filter (where {{ is_liquidated('short') }}) as short_liquidations,
    coalesce(
        sum(px * sz) filter (where {{ is_liquidated('long') }}), 0
    ) as long_liquidated_usd,
    coalesce(
        sum(px * sz) filter (where {{ is_liquidated('short') }}), 0
    ) as short_liquidated_usd
from {{ source('hyperliquid', 'fills') }}
where {{ rollup_filter('time') }}
group by hour, coin
