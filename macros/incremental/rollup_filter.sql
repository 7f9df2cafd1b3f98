{% macro rollup_filter(time_column) -%}
    {{ condition_on(time_column) }}
{%- endmacro %}
