{#
    Makes the raw tables what the source YAML says: creates what is missing, adds new
    nullable columns, updates comments. Refuses what would touch data, by name, and never
    drops anything, `--full-refresh` included.

    Runs before every build (on-run-start) and by hand: dbt run-operation create_sources.
    Two catalog queries, one for the tables and one for their policies, find out whether
    there is anything to do; if not, nothing is locked and nothing is written.
#}
{% macro create_sources() -%}
    {%- set writing = [
        'run', 'build', 'test', 'seed', 'snapshot', 'clone', 'run-operation'
    ] -%}
    {%- if not execute or flags.WHICH not in writing -%}
        {{ return('') }}
    {%- endif -%}

    {%- set tables = declared_tables() -%}
    {%- if source_changes(tables) | length > 0 -%}
        {%- do lock_sources() -%}
        {%- do make_source_changes(source_changes(tables)) -%}
    {%- endif -%}
    {#- `dbt test` is to find drift, not to hide it. -#}
    {%- if flags.WHICH in ['run', 'build', 'run-operation']
        and source_policy_changes(tables) | length > 0
    -%}
        {%- do lock_sources() -%}
        {%- do make_source_changes(source_policy_changes(tables)) -%}
    {%- endif -%}
    {#- The driver opened a transaction that dbt knows nothing of: close it. -#}
    {%- do run_query('commit') -%}
    {{ return('') }}
{%- endmacro %}


{#
    Two builds may start at once: whoever has something to do looks again, alone.
#}
{% macro lock_sources() -%}
    {%- do run_query(
        "select pg_advisory_xact_lock(hashtextextended('vigil.create_sources', 0))"
    ) -%}
{%- endmacro %}


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
