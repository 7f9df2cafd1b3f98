{% macro migration_0001_first_layout() -%}
    {{ return([]) }}
{%- endmacro %}
