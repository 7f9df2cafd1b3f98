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
