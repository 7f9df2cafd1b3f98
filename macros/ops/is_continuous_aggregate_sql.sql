{#
    A condition: the relation whose schema and name these expressions give is one of the
    server's continuous aggregates. To the catalog it is a view like any other.
#}
{% macro is_continuous_aggregate_sql(
    schema='pg_namespace.nspname', name='pg_class.relname'
) -%}
    {%- if timescale_edition() != 'community' -%}
        false
    {%- else -%}
        exists (
                select 1
                from timescaledb_information.continuous_aggregates
                where
                    continuous_aggregates.view_schema = {{ schema }}
                    and continuous_aggregates.view_name = {{ name }}
            )
    {%- endif -%}
{%- endmacro %}
