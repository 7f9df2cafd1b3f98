{#
    The measures of a candle made of finer candles, for a rollup of a rollup: everything
    adds up exactly, the opening and closing price are those of the first and last bucket,
    and the VWAP is computed from sums, never from other VWAPs.
#}
{% macro merged_candle() -%}
    {{ first('open', ['bucket']) }} as open,
    max(high) as high,
    min(low) as low,
    {{ last('close', ['bucket']) }} as close,
    sum(volume) as volume,
    {{ vwap('sum(notional)', 'sum(volume)') }} as vwap,
    sum(trade_count)::bigint as trade_count,
    trim_scale(sum(notional)) as notional,
    sum(buy_volume) as buy_volume,
    sum(sell_volume) as sell_volume,
    sum(large_volume) as large_volume,
    trim_scale(sum(squared_volume)) as squared_volume,
    min(first_seq) as first_seq,
    max(last_seq) as last_seq
{%- endmacro %}
