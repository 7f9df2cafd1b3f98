{#
    Guards: the ticks and the candles of every level have the same figures for every
    five-minute window: no trade lost or counted twice, the same prices. Tests the
    windows that the newest loads touched (see recently_touched), except those touched
    by a load after the build of the candles.
#}
{%- set measures = [
    'trade_count', 'volume', 'notional', 'buy_volume', 'sell_volume', 'large_volume',
    'squared_volume', 'open', 'high', 'low', 'close', 'first_seq', 'last_seq',
] %}
{%- set levels = ['btc_ohlcv_100ms', 'btc_ohlcv_1s', 'btc_ohlcv_1m', 'btc_ohlcv_5m'] %}
with

late_loads as (

    {{ unapplied_loads('market_data.btc_ohlcv_5m', 'market_data.btc_ticks') | trim }}

),

ticks as (

    select * from {{ ref('stg_market_data__btc_ticks') }}
    where {{ recently_touched('ts') }}

),

windows as (

    select
        'btc_ticks' as relation_name,
        ticks.window_start,
        ticks.exchange,
        count(*) as trade_count,
        sum(ticks.volume) as volume,
        sum(ticks.notional) as notional,
        coalesce(sum(ticks.volume) filter (where ticks.side = 'buy'), 0) as buy_volume,
        coalesce(
            sum(ticks.volume) filter (where ticks.side = 'sell'), 0
        ) as sell_volume,
        coalesce(sum(ticks.volume) filter (where ticks.is_large), 0) as large_volume,
        sum(ticks.volume * ticks.volume) as squared_volume,
        {{ first('ticks.price', ['ticks.ts', 'ticks.source_seq']) }} as open,
        max(ticks.price) as high,
        min(ticks.price) as low,
        {{ last('ticks.price', ['ticks.ts', 'ticks.source_seq']) }} as close,
        min(ticks.source_seq) as first_seq,
        max(ticks.source_seq) as last_seq
    from ticks
    group by
        ticks.window_start,
        ticks.exchange
    {%- for level in levels %}
    union all
    select
        '{{ level }}' as relation_name,
        {{ time_bucket('5 minutes', 'candles.bucket') }} as window_start,
        candles.exchange,
        sum(candles.trade_count) as trade_count,
        sum(candles.volume) as volume,
        sum(candles.notional) as notional,
        sum(candles.buy_volume) as buy_volume,
        sum(candles.sell_volume) as sell_volume,
        sum(candles.large_volume) as large_volume,
        sum(candles.squared_volume) as squared_volume,
        {{ first('candles.open', ['candles.bucket']) }} as open,
        max(candles.high) as high,
        min(candles.low) as low,
        {{ last('candles.close', ['candles.bucket']) }} as close,
        min(candles.first_seq) as first_seq,
        max(candles.last_seq) as last_seq
    from {{ ref(level) }} as candles
    where {{ recently_touched('candles.bucket') }}
    group by
        {{ time_bucket('5 minutes', 'candles.bucket') }},
        candles.exchange
    {%- endfor %}

)

select
    windows.window_start,
    windows.exchange,
    jsonb_object_agg(windows.relation_name, windows.trade_count) as trade_counts,
    jsonb_object_agg(windows.relation_name, windows.volume) as volumes
from windows
where
    not exists (
        select 1
        from late_loads
        where
            late_loads.time_to >= windows.window_start
            and late_loads.time_from < windows.window_start + interval '5 minutes'
    )
group by
    windows.window_start,
    windows.exchange
having
    count(*) < {{ levels | length + 1 }}
    {%- for measure in measures %}
    or min(windows.{{ measure }}) is distinct from max(windows.{{ measure }})
    {%- endfor %}
