{#
    Fails with the rows that cannot be a candle of trades: prices out of order, a VWAP
    outside of low to high, sums that contradict each other, an empty bucket. A NULL in any
    of these columns fails too.
#}
{% test is_candle(model) %}

select *
from {{ model }}
where
    (
        0 < low
        and low <= least(open, close)
        and greatest(open, close) <= high
        and vwap between low and high
        and notional between low * volume and high * volume
        and trade_count > 0
        and volume > 0
        and least(buy_volume, sell_volume, large_volume) >= 0
        and buy_volume + sell_volume <= volume
        and large_volume <= volume
        and squared_volume <= volume * volume
        and squared_volume * trade_count >= volume * volume
        and first_seq <= last_seq
    ) is not true

{% endtest %}
