{#
    Creates the roles of the project, each with the least rights it needs, in the connected
    database. The owner of the database runs it once, before the first build.

        PGUSER=admin dbt run-operation create_roles

    The roles can log in and have no password: `\password vigil_loader` in psql sets one
    without sending it in plain text. Rights on tables are granted by create_sources (raw
    tables, `config.meta.timescale.grants`) and by dbt's `grants` (models).
#}
{% macro create_roles() -%}
    {%- do run_query(create_roles_sql()) -%}
    {%- do run_query('commit') -%}
    {%- do log(
        "create_roles: " ~ var('timescale_roles') | join(', ') ~ " may connect to "
        ~ target.database ~ ", others only if that is granted to them", info=true
    ) -%}
{%- endmacro %}


{#
    It contains no Jinja, because terraform/modules/database/files/roles.sql has the same
    text; a test compares the two.
#}
{% macro create_roles_sql() -%}
-- The three roles, and what each may do with the database as a whole. Whoever runs this
-- owns the database and may make roles. Run again, it sets what differs. None has a
-- password yet; what each may do with which table, dbt says as it makes the table.
do $roles$
declare
    role_name text;
begin
    foreach role_name in array array['vigil_loader', 'vigil_transformer', 'vigil_reader']
    loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I login', role_name);
        end if;
        if exists (
            select from pg_roles
            where
                rolname = role_name
                and (rolsuper or rolcreatedb or rolcreaterole or rolreplication or rolbypassrls)
        ) then
            execute format(
                'alter role %I nosuperuser nocreatedb nocreaterole noreplication nobypassrls',
                role_name
            );
        end if;
        execute format('alter role %I login noinherit', role_name);
    end loop;
    alter role vigil_loader connection limit 32;
    alter role vigil_transformer connection limit 32;
    alter role vigil_reader connection limit 64;
    alter role vigil_reader set statement_timeout = '5min';
    alter role vigil_reader set default_transaction_read_only = on;

    -- dbt makes schemas and temporary tables, the loader stages in temporary ones.
    execute format('revoke all on database %I from public', current_database());
    execute format(
        'grant connect, create, temporary on database %I to vigil_transformer',
        current_database()
    );
    execute format(
        'grant connect, temporary on database %I to vigil_loader', current_database()
    );
    execute format('grant connect on database %I to vigil_reader', current_database());
    if has_schema_privilege('public', 'public', 'create') then
        revoke create on schema public from public;
    end if;
end
$roles$;
{%- endmacro %}
