{#
    Applies the declared retention where the server has no jobs to do it. Runs at the end of
    every `dbt build` and `dbt run` (on-run-end: by then the rollups hold what the build
    found; at the start they would not), and by hand or from cron:

        dbt run-operation run_policies

    A table whose rollups have not taken in everything that is about to go keeps its rows,
    with a warning, whoever calls. Where the server has jobs, it warns of those that fail.
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
        {#- The driver opened a transaction that dbt knows nothing of: close it. -#}
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
    Everything that declares a retention: source tables, hypertable models and rollups, each
    a dictionary with relation, time_column, time_unit, chunk_interval and retention. The
    chunks of a rollup that is a table are its buckets, and what the rollups above it take
    in are loads of its own source, `loads_of`.
#}
{% macro tables_with_retention() -%}
    {%- set tables = [] -%}
    {%- for table in declared_tables() if table['retention'] is not none -%}
        {%- do tables.append(table) -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type == 'model'
        and node.config.materialized in ['hypertable', 'continuous_aggregate']
    -%}
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
