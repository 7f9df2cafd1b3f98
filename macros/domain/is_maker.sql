{#
    True if this side's order rested in the order book. If the exchange does not report it,
    the fill counts as a taker's, as in the architecture guide's maker_pct.
#}
{% macro is_maker() -%}
    coalesce(not crossed, false)
{%- endmacro %}
