{% macro describe_vector_index(relation, column) -%}
    {%- set found = run_query(describe_vector_index_sql(relation, column)) -%}
    {%- for row in found.rows if row[0] -%}
        {{ return(fromjson(row[0])) }}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}


{#
    The query of describe_vector_index.
#}
{% macro describe_vector_index_sql(relation, column) %}
    select obj_description(pg_index.indexrelid, 'pg_class') as built_as
    from pg_index
    where
        pg_index.indexrelid = to_regclass(
            '{{ relation.schema }}.{{ vector_index_name(relation, column) }}'
        )
        and pg_index.indrelid = to_regclass('{{ relation }}')
        and pg_index.indisvalid
{% endmacro %}


{% macro vector_index_name(relation, column) -%}
    {{ return(relation.identifier ~ '_' ~ column ~ '_nearest') }}
{%- endmacro %}
