{#
    Makes the raw tables what the source YAML says: brings the layout of an earlier release
    up to date, creates what is missing, adds new nullable columns, grants what is declared,
    updates comments. Refuses what would touch data, by name, a layout of a later release,
    and a server that lacks what is needed. Never drops anything, `--full-refresh` included.

    Runs before every build (on-run-start) and by hand: dbt run-operation create_sources.
    A few catalog queries find out whether there is anything to do; if not, nothing is
    locked and nothing is written.
#}
{% macro create_sources() -%}
    {%- set writing = [
        'run', 'build', 'test', 'seed', 'snapshot', 'clone', 'run-operation'
    ] -%}
    {%- if not execute or flags.WHICH not in writing -%}
        {{ return('') }}
    {%- endif -%}

    {#- `dbt test` is to find drift, not to hide it. -#}
    {%- set sets_policies = flags.WHICH in ['run', 'build', 'run-operation'] -%}
    {%- if sets_policies -%}
        {%- do assert_retention_keeps_refreshes() -%}
    {%- endif -%}
    {%- set tables = declared_tables() -%}
    {%- set migrations = source_migrations() -%}
    {#- Tests only read: a role without rights to create may run them. -#}
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
    {#- The driver opened a transaction that dbt knows nothing of: close it. -#}
    {%- do run_query('commit') -%}
    {{ return('') }}
{%- endmacro %}


{#
    First what the YAML cannot say, then what it says. In an empty database there is nothing
    to bring up to date: it begins with the present layout, and has all migrations.
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
    Two builds may start at once: whoever has something to do looks again, alone. The
    transaction is begun in so many words: after a commit the driver would begin none, and
    every statement would stand alone, without the lock.
#}
{% macro lock_sources() -%}
    {%- do run_query('begin') -%}
    {%- do run_query(
        "select pg_advisory_xact_lock(hashtextextended('" ~ project_name
        ~ ".create_sources', 0))"
    ) -%}
{%- endmacro %}


{#
    Runs changes of source tables, one by one, and says each.
#}
{% macro make_source_changes(changes) -%}
    {%- for change in changes -%}
        {%- do log('create_sources: ' ~ change['summary'], info=true) -%}
        {%- do run_query(change['sql']) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    What the policies of the source tables lack, and what is written down of tables that are
    in the project no more.
#}
{% macro source_policy_changes(tables) -%}
    {%- set found = describe_policies(tables) -%}
    {%- set relations = tables | map(attribute='relation') | list -%}
    {%- set models = [] -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- do models.append(node.schema ~ '.' ~ node.alias) -%}
    {%- endfor -%}
    {%- for recorded in found['recorded'].values()
        if recorded['hypertable'] not in models
    -%}
        {%- do relations.append(recorded['hypertable']) -%}
    {%- endfor -%}
    {{ return(policy_changes(found, relations)) }}
{%- endmacro %}
