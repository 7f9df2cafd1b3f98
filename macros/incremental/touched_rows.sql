{% macro touched_rows(column) -%}
    {{ condition_on(column) }}
{%- endmacro %}
