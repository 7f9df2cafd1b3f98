{{
    config(
        unique_key=['day', 'user_address', 'coin'],
        indexes=[{'columns': ['user_address', 'coin', 'day']}],
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
    user_address,
    coin,
    count(*) as fill_count,
    sum({{ position_delta() }}) as net_size,
    coalesce(
        sum({{ signed_size() }} * px) filter (where not {{ is_transfer('dir') }}), 0
    ) as net_flow_usd,
    {{ last_fill('start_position + ' ~ position_delta()) }} as end_position,
    {{ last_fill('px') }} as last_px,
    max(time) as last_fill_time
from {{ source('hyperliquid', 'fills') }}
where
    {{ rollup_filter('time') }}
    and not {{ is_outcome('coin') }}
group by day, user_address, coin
