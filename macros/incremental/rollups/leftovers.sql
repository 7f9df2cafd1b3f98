{#
    Drops relations that an interrupted build of a continuous aggregate left, and old
    versions of the rollups below that nothing reads any more. Calls itself until nothing is
    found: dropping one version can make the one below it unused.
#}
{% macro drop_leftovers(spec) -%}
    {%- set found = run_query(leftovers_sql(spec)).rows -%}
    {%- for name, type in found -%}
        {%- do adapter.drop_relation(
            this.incorporate(path={'identifier': name}, type=type)
        ) -%}
    {%- endfor -%}
    {%- if found | length > 0 -%}
        {%- do drop_leftovers(spec) -%}
    {%- endif -%}
{%- endmacro %}


{% macro leftovers_sql(spec) %}
    {%- set filled = make_intermediate_relation(this.incorporate(type='table')) %}
    {%- set backup = rollup_backup(this.incorporate(type='table')).identifier[:-7] %}
    select
        pg_class.relname,
        case
            when aggregates.view_name is not null then 'materialized_view'
            when pg_class.relkind = 'm' then 'materialized_view'
            when pg_class.relkind = 'v' then 'view'
            else 'table'
        end as type
    from pg_class
    inner join pg_namespace
        on pg_class.relnamespace = pg_namespace.oid
    left join timescaledb_information.continuous_aggregates as aggregates
        on
            pg_namespace.nspname = aggregates.view_schema
            and pg_class.relname = aggregates.view_name
    where
        pg_namespace.nspname = '{{ this.schema }}'
        and pg_class.relkind in ('r', 'p', 'v', 'm')
        and (
            pg_class.relname = '{{ filled.identifier }}'
            or starts_with(pg_class.relname, '{{ backup }}')
            {%- if spec['parent'] is not none %}
            -- Old versions of any level below, which the old version of this one read.
            or pg_class.relname ~ '__dbt_backup_[0-9a-f]{6}$'
            {%- endif %}
        )
        and not exists (
            select 1
            from timescaledb_information.continuous_aggregates as above
            where
                (above.hypertable_schema, above.hypertable_name) in (
                    (aggregates.view_schema, aggregates.view_name),
                    (
                        aggregates.materialization_hypertable_schema,
                        aggregates.materialization_hypertable_name
                    )
                )
        )
{% endmacro %}


{#
    A temporary, unique name for the relation that is replaced.
#}
{% macro rollup_backup(existing) -%}
    {%- set tag = local_md5(invocation_id ~ modules.datetime.datetime.now())[:6] -%}
    {{ return(make_backup_relation(existing, existing.type, '__dbt_backup_' ~ tag)) }}
{%- endmacro %}
