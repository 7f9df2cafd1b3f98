{#
    The order of a user's fills in a coin, as a list for `first` and `last`: time, then the
    place in the block where the archive tells it, otherwise the order in which the start
    positions chain: up for buys, down for sells, then the place in the file. Where buys and
    sells of one millisecond have no block, see `last_fill`.
#}
{% macro fill_order() -%}
    {{ return([
        'time',
        'coalesce(block_number, 0)',
        'case when block_number is null then 0 else coalesce(event_index, 0) end',
        "coalesce(case when side = 'B' then start_position else -start_position end, 0)",
        'coalesce(event_index, 0)',
        'px',
        'sz',
    ]) }}
{%- endmacro %}
