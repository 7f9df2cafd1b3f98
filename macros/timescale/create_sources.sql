{#
    Brings the raw tables in line with the source YAML: migrates the layout of an earlier
    release, creates missing tables, adds new nullable columns, grants the declared rights,
    updates comments. Stops with a message at a change that would touch data, at a layout of
    a later release, and if the server does not meet the requirements. Never drops anything,
    not even with `--full-refresh`.

    Runs before every build (on-run-start) and manually: dbt run-operation create_sources.
    A few catalog queries check whether there is work; if not, nothing is locked and nothing
    is written.
#}
{% macro create_sources() -%}
    {%- set writing = [
        'run', 'build', 'test', 'seed', 'snapshot', 'clone', 'run-operation'
    ] -%}
    {%- if not execute or flags.WHICH not in writing -%}
        {{ return('') }}
    {%- endif -%}

    {#- `dbt test` must find differing policies, not correct them. -#}
    {%- set sets_policies = flags.WHICH in ['run', 'build', 'run-operation'] -%}
    {%- if sets_policies -%}
        {%- do assert_retention_keeps_refreshes() -%}
    {%- endif -%}
    {%- set tables = declared_tables() -%}
    {%- set migrations = source_migrations() -%}
    {#- Tests only read: a role that may not create schemas may run them. -#}
    {%- if flags.WHICH != 'test' -%}
        {%- do assert_server(tables) -%}
    {%- endif -%}
    {%- if migrations | length > 0
        or source_changes(tables) | length > 0
        or grant_changes(tables) | length > 0
    -%}
        {%- do lock_sources() -%}
        {%- do upgrade_sources(tables) -%}
        {%- do make_source_changes(grant_changes(tables)) -%}
        {%- do run_query('commit') -%}
    {%- endif -%}
    {%- if sets_policies and source_policy_changes(tables) | length > 0 -%}
        {%- do lock_sources() -%}
        {%- do make_source_changes(source_policy_changes(tables)) -%}
    {%- endif -%}
    {#- Closes the transaction that the driver opened and that dbt does not know about. -#}
    {%- do run_query('commit') -%}
    {{ return('') }}
{%- endmacro %}


{#
    Runs the pending migrations, then the changes from the YAML. An empty database is created
    with the present layout, so all migrations are only recorded as done.
#}
{% macro upgrade_sources(tables) -%}
    {%- set migrations = source_migrations() -%}
    {%- set found = describe_tables(tables) -%}
    {%- if found.values() | rejectattr('kind', 'none') | list | length > 0 -%}
        {%- for migration in migrations -%}
            {%- do make_source_changes(migration['changes']()) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- do make_source_changes(source_changes(tables)) -%}
    {%- for migration in migrations -%}
        {%- do run_query(migration['record']) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    Two builds may start at once, so the caller checks for work again under this advisory
    lock. Explicit BEGIN: after a commit the driver opens no transaction, so the lock would
    be released after its own statement.
#}
{% macro lock_sources() -%}
    {%- do run_query('begin') -%}
    {%- do run_query(
        "select pg_advisory_xact_lock(hashtextextended('" ~ project_name
        ~ ".create_sources', 0))"
    ) -%}
{%- endmacro %}


{#
    Runs changes of source tables one by one and logs each.
#}
{% macro make_source_changes(changes) -%}
    {%- for change in changes -%}
        {%- do log('create_sources: ' ~ change['summary'], info=true) -%}
        {%- do run_query(change['sql']) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    The changes of policies that the source tables need, and those that delete the records of
    tables which are no longer in the project.
#}
{% macro source_policy_changes(tables) -%}
    {%- set found = describe_policies(tables) -%}
    {%- set relations = tables | map(attribute='relation') | list -%}
    {%- set models = [] -%}
    {%- for node in declared_models() -%}
        {%- do models.append(node.schema ~ '.' ~ node.alias) -%}
    {%- endfor -%}
    {%- for recorded in found['recorded'].values()
        if recorded['hypertable'] not in models
    -%}
        {%- do relations.append(recorded['hypertable']) -%}
    {%- endfor -%}
    {{ return(policy_changes(found, relations)) }}
{%- endmacro %}
