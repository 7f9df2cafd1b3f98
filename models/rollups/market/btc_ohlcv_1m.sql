{{
    config(
        unique_key=['bucket', 'exchange'],
        indexes=[{'columns': ['exchange', 'bucket desc']}],
        meta={
            'timescale': {
                'bucket': 'bucket',
                'bucket_interval': '1 minute',
                'materialized_only': false,
                'refresh_policy': {
                    'start_offset': '3 days',
                    'end_offset': '5 minutes',
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
    {{ time_bucket('1 minute', 'bucket') }} as bucket,
    exchange,
    {{ merged_candle() }}
from {{ ref('btc_ohlcv_1s') }}
where {{ rollup_filter('bucket') }}
group by 1, 2
