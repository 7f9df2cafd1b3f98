{{
    config(
        unique_key=['bucket', 'exchange'],
        indexes=[{'columns': ['exchange', 'bucket desc']}],
        meta={
            'timescale': {
                'bucket': 'bucket',
                'bucket_interval': '1 second',
                'materialized_only': false,
                'refresh_policy': {
                    'start_offset': '3 days',
                    'end_offset': '1 minute',
                    'schedule_interval': '5 minutes',
                },
                'columnstore': {
                    'after': '7 days',
                    'segment_by': ['exchange'],
                    'order_by': ['bucket desc'],
                },
            },
        },
    )
}}

select
    {{ time_bucket('1 second', 'bucket') }} as bucket,
    exchange,
    {{ merged_candle() }}
from {{ ref('btc_ohlcv_100ms') }}
where {{ rollup_filter('bucket') }}
group by 1, 2
