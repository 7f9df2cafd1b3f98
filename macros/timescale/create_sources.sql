{#
    Makes the raw tables what the source YAML says: creates what is missing, adds new
    nullable columns, updates comments. Refuses what would touch data, by name, and never
    drops anything, `--full-refresh` included.

    Runs before every build (on-run-start) and by hand: dbt run-operation create_sources.
    One catalog query finds out whether there is anything to do; if not, nothing is
    locked and nothing is written.
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
        {#- Two builds may start at once: look again, alone. -#}
        {%- do run_query(
            "select pg_advisory_xact_lock(hashtextextended('vigil.create_sources', 0))"
        ) -%}
        {%- for change in source_changes(tables) -%}
            {%- do log('create_sources: ' ~ change['summary'], info=true) -%}
            {%- do run_query(change['sql']) -%}
        {%- endfor -%}
    {%- endif -%}
    {#- The driver opened a transaction that dbt knows nothing of: close it. -#}
    {%- do run_query('commit') -%}
    {{ return('') }}
{%- endmacro %}
