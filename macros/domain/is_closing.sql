{#
    True for fills by which a trader reduced a position: it was not flat and the fill goes
    the other way. A flip is one as well, a dust conversion is none. NULL `start_position`
    counts as flat.
#}
{% macro is_closing() -%}
    (coalesce({{ reduces_position() }}, false) and not {{ is_dust('dir') }})
{%- endmacro %}
