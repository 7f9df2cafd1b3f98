{#
    Volume-weighted average price of a group, rounded to the 8 places of a price, so that it
    stays between low and high. NULL without volume.
#}
{% macro vwap(notional, volume) -%}
    round({{ notional }} / nullif({{ volume }}, 0), 8)
{%- endmacro %}
