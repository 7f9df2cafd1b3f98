{{
    config(
        unique_key=['bucket', 'exchange'],
        indexes=[{'columns': ['exchange', 'bucket desc']}],
        meta={
            'timescale': {
                'bucket': 'bucket',
                'bucket_interval': '100 milliseconds',
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
    {{ time_bucket('100 milliseconds', 'ts') }} as bucket,
    exchange,
    {{ first('price', ['ts', 'source_seq']) }} as open,
    max(price) as high,
    min(price) as low,
    {{ last('price', ['ts', 'source_seq']) }} as close,
    sum(volume) as volume,
    {{ vwap('sum(price * volume)', 'sum(volume)') }} as vwap,
    count(*) as trade_count,
    trim_scale(sum(price * volume)) as notional,
    coalesce(sum(volume) filter (where side = 1), 0) as buy_volume,
    coalesce(sum(volume) filter (where side = -1), 0) as sell_volume,
    coalesce(
        sum(volume) filter (where volume >= {{ var('large_trade_btc') }}), 0
    ) as large_volume,
    trim_scale(sum(volume * volume)) as squared_volume,
    min(source_seq) as first_seq,
    max(source_seq) as last_seq
from {{ source('market_data', 'btc_ticks') }}
where {{ rollup_filter('ts') }}
group by 1, 2
