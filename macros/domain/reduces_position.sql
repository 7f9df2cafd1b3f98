{#
    True for fills in the opposite direction of the position before them, flips included;
    NULL if `start_position` is NULL.
#}
{% macro reduces_position() -%}
    start_position * {{ signed_size() }} < 0
{%- endmacro %}
