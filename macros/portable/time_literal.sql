{#
    A time that the server gave as text, or as an integer, as a literal of its own type.
#}
{% macro time_literal(time, unit=none) -%}
    {{ return("'" ~ time ~ "'::" ~ ('timestamptz' if unit is none else 'bigint')) }}
{%- endmacro %}
