{% macro assert_server(tables) -%}
    {%- set found = run_query(server_facts_sql(tables)).rows[0] -%}
    {%- set database = adapter.quote(target.database) -%}
    {%- set problems = [] -%}
    {%- if not found['is_recent'] -%}
        {%- do problems.append(
            "PostgreSQL " ~ found['server_version'] ~ " is too old: 16 is the least version"
            ~ " that these macros were tried on. Upgrade the server, or set PGHOST to another"
            ~ " one."
        ) -%}
    {%- endif -%}
    {%- if found['timescaledb_version'] is not none and not found['has_timescaledb'] -%}
        {%- do problems.append(
            "TimescaleDB " ~ found['timescaledb_version'] ~ " is too old: 2.19 is the least"
            ~ " version that these macros were tried on, and 2.29 the least of the"
            ~ " Community edition. Install it, then say in the database: alter extension"
            ~ " timescaledb update"
        ) -%}
    {%- endif -%}
    {%- do problems.extend(server_problems()) -%}
    {%- if not found['may_create'] -%}
        {%- do problems.append(
            "Role " ~ found['role_name'] ~ " may not create schemas in the database. Its"
            ~ " owner, " ~ found['owner'] ~ ", says: grant create on database " ~ database
            ~ " to " ~ adapter.quote(found['role_name'])
        ) -%}
    {%- endif -%}
    {%- if problems | length > 0 -%}
        {%- do exceptions.raise_compiler_error(
            "Database " ~ target.database ~ " cannot be built in. No table was changed.\n- "
            ~ problems | join("\n- ")
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The Community edition is recent enough if its procedure refresh_continuous_aggregate has
    the argument `options`.
#}
{% macro server_facts_sql(tables) %}
    select
        current_setting('server_version') as server_version,
        current_setting('server_version_num')::integer / 10000 as major_version,
        current_setting('server_version_num')::integer >= 160000 as is_recent,
        timescaledb.extversion as timescaledb_version,
        string_to_array(split_part(timescaledb.extversion, '-', 1), '.')::integer[]
        >= array[2, 19]
        and (
            current_setting('timescaledb.license', true) is distinct from 'timescale'
            or exists (
                select 1
                from pg_proc
                where
                    pg_proc.proname = 'refresh_continuous_aggregate'
                    and 'options' = any(pg_proc.proargnames)
            )
        ) as has_timescaledb,
        current_user as role_name,
        pg_get_userbyid(pg_database.datdba) as owner,
        -- If a schema exists already, create_sources checks the rights of its owner.
        exists (
            select 1
            from pg_namespace
            where
                pg_namespace.nspname
                in ('{{ tables | map(attribute='schema') | join("', '") }}')
        )
        or has_database_privilege(pg_database.oid, 'create') as may_create
    from pg_database
    left join pg_extension as timescaledb on timescaledb.extname = 'timescaledb'
    where pg_database.datname = current_database()
{% endmacro %}
