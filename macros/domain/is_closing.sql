{#
    True for fills by which a trader reduced a position: the position was not flat and the
    fill has the opposite direction. A flip counts, a dust conversion does not. A NULL
    `start_position` counts as flat.
#}
{% macro is_closing() -%}
    (coalesce({{ reduces_position() }}, false) and not {{ is_dust('dir') }})
{%- endmacro %}
