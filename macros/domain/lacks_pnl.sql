{#
    True if a profit may be missing: `closed_pnl` is NULL, and the fill reduced a position or
    its `start_position` is unknown. A fill that only opens a position has no profit.
#}
{% macro lacks_pnl() -%}
    (closed_pnl is null and coalesce({{ reduces_position() }}, true))
{%- endmacro %}
