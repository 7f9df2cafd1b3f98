{#
    Applies the declared retention on a server that has no jobs. Runs at the end of every
    `dbt build` and `dbt run` (on-run-end, because at the start the rollups do not yet
    contain the new loads), and manually or from cron:

        dbt run-operation run_policies

    If loads with rows to drop are not yet applied to a rollup, the table keeps its rows and
    a warning says so. On a server with jobs it warns of those that fail.
#}
{% macro run_policies() -%}
    {%- if not execute or flags.WHICH not in ['run', 'build', 'retry', 'run-operation'] -%}
        {{ return('') }}
    {%- endif -%}
    {%- do assert_retention_keeps_refreshes() -%}
    {%- if timescale_edition() == 'community' -%}
        {%- if flags.WHICH == 'run-operation' -%}
            {%- do log(
                "run_policies: this server runs the policies itself; see"
                ~ " timescaledb_information.jobs.",
                info=true
            ) -%}
        {%- endif -%}
        {%- do warn_of_failing_jobs() -%}
        {#- Closes the transaction that the driver opened and that dbt does not know about. -#}
        {%- do run_query('commit') -%}
        {{ return('') }}
    {%- endif -%}
    {%- for table in tables_with_retention() -%}
        {%- do run_retention(table) -%}
    {%- endfor -%}
    {%- do run_query('commit') -%}
    {{ return('') }}
{%- endmacro %}


{#
    All relations that declare a retention: source tables, hypertable models and rollups,
    each a dictionary with relation, time_column, time_unit, chunk_interval and retention.
    For a rollup, chunk_interval is its bucket interval, and `loads_of` is its raw source,
    whose loads the rollups above it apply.
#}
{% macro tables_with_retention() -%}
    {%- set tables = [] -%}
    {%- for table in declared_tables() if table['retention'] is not none -%}
        {%- do tables.append(table) -%}
    {%- endfor -%}
    {%- for node in declared_models(['hypertable', 'continuous_aggregate']) -%}
        {%- set settings = node.config.get('meta', {}).get('timescale', {}) -%}
        {%- if settings.get('retention') is not none -%}
            {%- set is_rollup = node.config.materialized == 'continuous_aggregate' -%}
            {%- do tables.append({
                'relation': node.schema ~ '.' ~ node.alias,
                'loads_of': rollup_input(node)['source'] if is_rollup else none,
                'time_column': settings.get('time_column') or settings.get('bucket'),
                'time_unit': node_time_unit(node),
                'chunk_interval': settings.get('chunk_interval')
                    or settings.get('bucket_interval'),
                'retention': settings['retention'],
                'is_rollup': is_rollup,
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}
