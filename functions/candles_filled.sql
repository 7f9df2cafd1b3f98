{#
    Reads the coarsest candles of which `width` is a multiple, bins them to `width` and
    joins them to a grid without gaps. It passes the range once: a lookup of the
    previous candle for each empty bucket would make a real-time aggregate sort all its
    rows each time. For the same reason the close before the range is first searched in
    the last day.
#}
{%- set levels = [
    ('btc_ohlcv_5m', 'mod(extract(epoch from width), 300) = 0'),
    (
        'btc_ohlcv_1m',
        'mod(extract(epoch from width), 60) = 0'
        ~ ' and mod(extract(epoch from width), 300) <> 0',
    ),
    (
        'btc_ohlcv_1s',
        'mod(extract(epoch from width), 1) = 0'
        ~ ' and mod(extract(epoch from width), 60) <> 0',
    ),
    (
        'btc_ohlcv_100ms',
        'case when mod(extract(epoch from width), 0.1) = 0'
        ~ ' then mod(extract(epoch from width), 1) <> 0'
        ~ " else ('the width ' || width || ' is no whole number of 100 ms')::boolean end",
    ),
] %}
{%- set bin = "date_bin({}, {}, timestamptz '2000-01-03 00:00:00+00')" %}
{%- set last_instant = "range_to - interval '1 microsecond'" %}
{%- set grid_from = bin.format('width', 'range_from') %}
{%- set grid_to = bin.format('width', last_instant) ~ ' + width' %}
{#- The range in whole five minutes: candles outside it are looked up in the five-minute
    candles, of which there are few. -#}
{%- set windows_from = bin.format("interval '5 minutes'", grid_from) %}
{%- set windows_to = bin.format(
    "interval '5 minutes'", grid_to ~ " + interval '299.999999 seconds'"
) %}
with

-- `not materialized`: otherwise PostgreSQL copies a CTE that is referenced twice.
{%- for level, _ in levels %}

{{ level }} as not materialized (
    select * from {{ ref(level) }}
),
{%- endfor %}

candles as materialized (
    {%- for level, is_used in levels %}
    {{ 'union all' if not loop.first }}
    select level.*
    from {{ level }} as level
    where
        {{ is_used }}
        and level.exchange = venue
        and level.bucket >= {{ windows_from }}
        and level.bucket < {{ windows_to }}
    {%- endfor %}
),

edges as (
    select
        coalesce(
            (
                select candles.close
                from candles
                where candles.bucket < {{ grid_from }}
                order by candles.bucket desc
                limit 1
            ),
            {%- for look_back in [" - interval '1 day'", none] %}
            (
                select windows.close
                from btc_ohlcv_5m as windows
                where
                    windows.exchange = venue
                    and windows.bucket < {{ windows_from }}
                    {%- if look_back is not none %}
                    and windows.bucket >= {{ windows_from }}{{ look_back }}
                    {%- endif %}
                order by windows.bucket desc
                limit 1
            )
            {{- ',' if not loop.last }}
            {%- endfor %}
        ) as close_before,
        exists (
            select 1
            from candles
            where candles.bucket >= {{ grid_to }}
        )
        or exists (
            select 1
            from btc_ohlcv_5m as windows
            where
                windows.exchange = venue
                and windows.bucket >= {{ windows_to }}
        ) as goes_on
),

binned as (
    select
        {{ bin.format('width', 'candles.bucket') }} as bucket,
        (array_agg(candles.open order by candles.bucket))[1] as open,
        max(candles.high) as high,
        min(candles.low) as low,
        (array_agg(candles.close order by candles.bucket))[count(*)] as close,
        sum(candles.volume) as volume,
        {{ vwap('sum(candles.notional)', 'sum(candles.volume)') }} as vwap,
        sum(candles.trade_count)::bigint as trade_count
    from candles
    where
        candles.bucket >= {{ grid_from }}
        and candles.bucket < {{ grid_to }}
    group by 1
),

-- The grid goes from the venue's first candle to its last, within the range.
ends as (
    select
        edges.close_before,
        case
            when edges.close_before is not null then {{ grid_from }}
            else (select min(binned.bucket) from binned)
        end as first_bucket,
        case
            when edges.goes_on then {{ grid_to }} - width
            else (select max(binned.bucket) from binned)
        end as last_bucket
    from edges
),

grid as (
    select
        ends.close_before,
        generate_series(ends.first_bucket, ends.last_bucket, width) as bucket
    from ends
),

runs as (
    select
        grid.bucket as grid_bucket,
        grid.close_before,
        binned.*,
        count(binned.bucket) over (order by grid.bucket) as run
    from grid
    left join binned
        on grid.bucket = binned.bucket
),

carried as (
    select
        runs.*,
        coalesce(
            first_value(runs.close) over (partition by runs.run order by runs.grid_bucket),
            runs.close_before
        ) as last_close
    from runs
)

select
    carried.grid_bucket as bucket,
    venue as exchange,
    coalesce(carried.open, carried.last_close) as open,
    coalesce(carried.high, carried.last_close) as high,
    coalesce(carried.low, carried.last_close) as low,
    coalesce(carried.close, carried.last_close) as close,
    coalesce(carried.volume, 0) as volume,
    carried.vwap,
    coalesce(carried.trade_count, 0) as trade_count,
    carried.bucket is null as is_filled
from carried
order by carried.grid_bucket
