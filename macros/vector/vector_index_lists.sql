{#
    Lists of an ivfflat index by pgvector's rule: a thousandth of the rows, from a million
    rows on their square root.
#}
{% macro vector_index_lists(row_count) -%}
    {%- if row_count <= 1000000 -%}
        {{ return([row_count // 1000, 1] | max) }}
    {%- endif -%}
    {{ return((row_count ** 0.5) | int) }}
{%- endmacro %}
