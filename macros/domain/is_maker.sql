{#
    True where this side's order rested in the book. Where the exchange does not say, it
    counts as a taker, as in the guide's maker_pct.
#}
{% macro is_maker() -%}
    coalesce(not crossed, false)
{%- endmacro %}
