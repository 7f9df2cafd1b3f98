{#
    The key by which the first and the last fill of a bucket are found, with the price as its
    last element: `(max(fill_sort_key()))[4]` is the closing price. It is not the order of
    positions, which follows the chain of reported positions: docs/adr/0028.
#}
{% macro fill_sort_key() -%}
    array[time, coalesce(block_number, 0), coalesce(event_index, 0), px]
{%- endmacro %}
