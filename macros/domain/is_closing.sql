{#
    True for fills that reduce a position: it was not flat and the fill goes the other way.
    A flip is one as well. NULL `start_position` counts as flat.
#}
{% macro is_closing() -%}
    coalesce(start_position * {{ signed_size() }} < 0, false)
{%- endmacro %}
