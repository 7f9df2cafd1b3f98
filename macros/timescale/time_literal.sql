{% macro time_literal(time, unit=none) -%}
    {{ return("'" ~ time ~ "'::" ~ ('timestamptz' if unit is none else 'bigint')) }}
{%- endmacro %}
