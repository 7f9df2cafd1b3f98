{#
    The pending migrations of the database, in order. Stops if the database has a migration
    that this release does not know: a newer release created it.
#}
{% macro postgres__source_migrations() -%}
    {%- set known = [] -%}
    {%- for migration in schema_migrations() -%}
        {%- do known.append(
            dict(migration, record=record_migration_sql(migration))
        ) -%}
    {%- endfor -%}
    {%- set state = run_query(schema_state_sql()).rows[0] -%}
    {%- set is_recorded, may_read = state[0], state[1] -%}
    {%- if not is_recorded -%}
        {{ return(known) }}
    {%- elif not may_read -%}
        {%- do exceptions.raise_compiler_error(
            target.user ~ " may not read ops.schema_version of database "
            ~ target.database ~ ", which belongs to " ~ state[2] ~ ": dbt runs as the owner"
            ~ " of the tables. Set PGUSER=" ~ state[2] ~ "."
        ) -%}
    {%- endif -%}
    {%- set found = run_query(schema_version_sql()).rows[0] -%}
    {%- if found[0] > known[-1]['version'] -%}
        {%- do exceptions.raise_compiler_error(
            "Database " ~ target.database ~ " has version " ~ found[0] ~ " of the raw tables'"
            ~ " layout, made by release " ~ found[1] ~ " of Vigil; this is release "
            ~ known[-1]['release'] ~ ", which knows version " ~ known[-1]['version']
            ~ ". Nothing was changed. Use release " ~ found[1] ~ " or a later one, or"
            ~ " another database."
        ) -%}
    {%- endif -%}
    {{ return(known | selectattr('version', 'gt', found[0]) | list) }}
{%- endmacro %}


{#
    Whether the database records its version, whether this role may read it, and the owner of
    that table.
#}
{% macro schema_state_sql() %}
    select
        count(*) > 0 as is_recorded,
        coalesce(
            bool_and(
                has_schema_privilege(pg_namespace.oid, 'usage')
                and has_table_privilege(pg_class.oid, 'select')
            ),
            true
        ) as may_read,
        max(pg_get_userbyid(pg_class.relowner)) as owner
    from pg_class
    inner join pg_namespace
        on pg_class.relnamespace = pg_namespace.oid
    where pg_namespace.nspname = 'ops' and pg_class.relname = 'schema_version'
{% endmacro %}


{#
    The layout version of the database, and the release of that version.
#}
{% macro schema_version_sql() %}
    select
        coalesce(max(schema_version.version), 0) as version,
        (array_agg(schema_version.release order by schema_version.version desc))[1]
            as release
    from ops.schema_version
{% endmacro %}


{#
    Records a migration as done, in the transaction that ran it.
#}
{% macro record_migration_sql(migration) %}
    insert into ops.schema_version (version, name, release)
    values (
        {{ migration['version'] }},
        '{{ migration['name'] }}',
        '{{ migration['release'] }}'
    )
{% endmacro %}
