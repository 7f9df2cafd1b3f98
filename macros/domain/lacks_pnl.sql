{#
    True where a profit may be missing: no `closed_pnl`, and the fill reduced a position, or
    may have, for want of a `start_position`. A fill that only opens has none to report.
#}
{% macro lacks_pnl() -%}
    (closed_pnl is null and coalesce({{ reduces_position() }}, true))
{%- endmacro %}
