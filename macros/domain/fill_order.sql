{#
    The order of a user's fills in a coin, as a list for `first` and `last`: time, then the
    place in the block where the archive tells it, then the order in which the start
    positions chain: up for buys, down for sells. Price and size settle what is left.
#}
{% macro fill_order() -%}
    {{ return([
        'time',
        'coalesce(block_number, 0)',
        'coalesce(event_index, 0)',
        "coalesce(case when side = 'B' then start_position else -start_position end, 0)",
        'px',
        'sz',
    ]) }}
{%- endmacro %}
