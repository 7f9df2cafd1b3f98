{{
    config(
        unique_key=['day', 'coin'],
        indexes=[{'columns': ['coin', 'day']}],
        meta={
            'timescale': {
                'bucket': 'day',
                'bucket_interval': '1 day',
                'refresh_policy': {
                    'start_offset': '7 days',
                    'end_offset': '1 hour',
                    'schedule_interval': '1 hour',
                },
            },
        },
    )
}}

select
    {{ time_bucket('1 day', 'day', unit='ms') }} as day,
    coin,

    -- By the definitions of the architecture guide (docs/metrics.md, 'guide').
    sum(fill_count)::bigint as fill_count,
    count(*) as unique_traders,
    sum(volume) as volume,
    sum(buy_volume) as buy_volume,
    sum(sell_volume) as sell_volume,

    sum(taker_buy_volume) as taker_buy_volume,
    sum(taker_sell_volume) as taker_sell_volume,
    sum(bought_volume) as traded_volume,
    (max(array[last_fill_time, close_block, close_event, close_px]))[4] as close_px,
    sum(long_liquidations)::bigint as long_liquidations,
    sum(own_liquidations - long_liquidations)::bigint as short_liquidations,
    sum(long_liquidated_usd) as long_liquidated_usd,
    sum(short_liquidated_usd) as short_liquidated_usd
from {{ ref('trader_coin_daily') }}
where {{ rollup_filter('day') }}
group by 1, 2
