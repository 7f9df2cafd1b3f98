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
    {{ time_bucket('1 day', 'time', unit='ms') }} as day,
    coin,

    -- As in the architecture guide.
    count(*) as fill_count,
    count(distinct user_address) as unique_traders,
    sum(px * sz) as volume,
    sum(
        case
            when dir like 'Open Long%' or dir like 'Close Short%' then sz else 0
        end
    ) as buy_volume,
    sum(
        case
            when dir like 'Open Short%' or dir like 'Close Long%' then sz else 0
        end
    ) as sell_volume,

    -- The taker's side is the signal: over all users every buy has its sell.
    coalesce(sum(sz) filter (where crossed and side = 'B'), 0) as taker_buy_volume,
    coalesce(sum(sz) filter (where crossed and side = 'A'), 0) as taker_sell_volume,
    coalesce(sum(sz) filter (where side = 'B'), 0) as traded_volume,
    {{
        last('px', [
            'time', 'coalesce(block_number, 0)', 'coalesce(event_index, 0)', 'px'
        ])
    }} as close_px
from {{ source('hyperliquid', 'fills') }}
where {{ rollup_filter('time') }}
group by day, coin
