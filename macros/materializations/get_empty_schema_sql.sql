{#
    A query without rows that has the columns of the YAML. It replaces dbt-core's version,
    which warns of each `numeric` without precision and scale: other databases round such a
    column, but PostgreSQL stores every decimal exactly.
#}
{% macro postgres__get_empty_schema_sql(columns) -%}
    {%- set untyped = columns.values() | rejectattr('data_type') | list -%}
    {%- if untyped | length > 0 -%}
        {{ exceptions.column_type_missing(
            column_names=untyped | map(attribute='name') | list
        ) }}
    {%- endif -%}
    select
    {%- for column in columns.values() %}
        {{ cast('null', column['data_type']) }} as
        {{ adapter.quote(column['name']) if column.get('quote') else column['name'] }}
        {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
