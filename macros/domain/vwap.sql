{#
    Volume-weighted average price of a group, to the 8 places of a price, so that it never
    leaves the range of low to high. NULL without volume.
#}
{% macro vwap(notional, volume) -%}
    round({{ notional }} / nullif({{ volume }}, 0), 8)
{%- endmacro %}
