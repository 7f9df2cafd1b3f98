{{
    config(
        unique_key=['day', 'builder'],
        indexes=[{'columns': ['builder', 'day']}],
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

-- It reads the fills itself: rows of trader_coin_daily have no builder.
select
    {{ time_bucket('1 day', 'time', unit='ms') }} as day,
    builder,
    count(*) as fill_count,
    count(distinct user_address) as unique_traders,
    sum(px * sz) as volume,
    sum({{ fee_usd('builder_fee') }}) as builder_fees_usd
from {{ source('hyperliquid', 'fills') }}
where
    {{ rollup_filter('time') }}
    and builder is not null
group by day, builder
