{% macro vector_index_lists(row_count) -%}
    {%- if row_count <= 1000000 -%}
        {{ return([row_count // 1000, 1] | max) }}
    {%- endif -%}
    {{ return((row_count ** 0.5) | int) }}
{%- endmacro %}
