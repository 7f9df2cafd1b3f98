{% macro postgres__list_relations_without_caching(schema_relation) %}
    {%- call statement('list_relations_without_caching', fetch_result=True) %}
    select
        '{{ schema_relation.database }}' as database,
        pg_class.relname as name,
        pg_namespace.nspname as schema,
        case
            when {{ is_continuous_aggregate_sql() }} then 'materialized_view'
            when pg_class.relkind = 'm' then 'materialized_view'
            when pg_class.relkind = 'v' then 'view'
            else 'table'
        end as type
    from pg_class
    inner join pg_namespace
        on pg_class.relnamespace = pg_namespace.oid
    where
        pg_class.relkind in ('r', 'p', 'v', 'm')
        and pg_namespace.nspname ilike '{{ schema_relation.schema }}'
    union all
    select distinct
        '{{ schema_relation.database }}' as database,
        pg_proc.proname as name,
        pg_namespace.nspname as schema,
        'function' as type
    from pg_proc
    inner join pg_namespace
        on pg_proc.pronamespace = pg_namespace.oid
    where pg_namespace.nspname ilike '{{ schema_relation.schema }}'
    {%- endcall %}
    {{ return(load_result('list_relations_without_caching').table) }}
{% endmacro %}
