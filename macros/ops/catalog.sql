{% macro postgres__get_catalog_relations(information_schema, relations) -%}
    {%- set database = information_schema.database -%}
    {%- do adapter.verify_database(database) -%}
    {%- call statement('catalog', fetch_result=True) %}
    select
        '{{ database }}' as table_database,
        pg_namespace.nspname as table_schema,
        pg_class.relname as table_name,
        case
            when {{ is_continuous_aggregate_sql() }} then 'MATERIALIZED VIEW'
            when pg_class.relkind = 'm' then 'MATERIALIZED VIEW'
            when pg_class.relkind = 'v' then 'VIEW'
            else 'BASE TABLE'
        end as table_type,
        obj_description(pg_class.oid, 'pg_class') as table_comment,
        pg_attribute.attname as column_name,
        pg_attribute.attnum as column_index,
        format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as column_type,
        col_description(pg_class.oid, pg_attribute.attnum) as column_comment,
        pg_get_userbyid(pg_class.relowner) as table_owner
    from pg_class
    inner join pg_namespace
        on pg_class.relnamespace = pg_namespace.oid
    inner join pg_attribute
        on pg_class.oid = pg_attribute.attrelid
    where
        pg_class.relkind in ('r', 'v', 'f', 'p', 'm')
        and pg_class.relpersistence in ('p', 'u')
        and pg_attribute.attnum > 0
        and not pg_attribute.attisdropped
        and (
            {%- for relation in relations %}
            (
                upper(pg_namespace.nspname) = upper('{{ relation.schema }}')
                {%- if relation.identifier %}
                and upper(pg_class.relname) = upper('{{ relation.identifier }}')
                {%- endif %}
            ){{ ' or' if not loop.last }}
            {%- else %}
            false
            {%- endfor %}
        )
    order by pg_namespace.nspname, pg_class.relname, pg_attribute.attnum
    {%- endcall %}
    {{ return(load_result('catalog').table) }}
{%- endmacro %}
