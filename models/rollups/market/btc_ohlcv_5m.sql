{{
    config(
        unique_key=['bucket', 'exchange'],
        indexes=[{'columns': ['exchange', 'bucket desc']}],
        meta={
            'timescale': {
                'bucket': 'bucket',
                'bucket_interval': '5 minutes',
                'materialized_only': false,
                'refresh_policy': {
                    'start_offset': '3 days',
                    'end_offset': '10 minutes',
                    'schedule_interval': '5 minutes',
                },
                'columnstore': {
                    'after': '30 days',
                    'segment_by': ['exchange'],
                    'order_by': ['bucket desc'],
                },
            },
        },
    )
}}

select
    {{ time_bucket('5 minutes', 'bucket') }} as bucket,
    exchange,
    {{ merged_candle() }}
from {{ ref('btc_ohlcv_1m') }}
where {{ rollup_filter('bucket') }}
group by 1, 2
