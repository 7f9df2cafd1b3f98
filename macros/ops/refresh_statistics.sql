{#
    Analyzes plain tables that got many rows since their last ANALYZE, and summarizes the
    rows in block-range indexes. Autovacuum does both some minutes later; a build right after
    a large load would meanwhile read the whole table for each range of time. Hypertables do
    not need it: their chunks are small and excluded by their ranges.

    Each table has its own transaction, because the locks block a second build.
#}
{% macro refresh_statistics() -%}
    {%- if not execute or flags.WHICH not in ['run', 'build']
        or timescale_edition() != 'postgres'
    -%}
        {{ return('') }}
    {%- endif -%}
    {%- set relations = declared_tables() | map(attribute='relation') | list -%}
    {%- for table in run_query(stale_statistics_sql(relations)).rows -%}
        {%- do run_query('commit') -%}
        {%- do run_query('select brin_summarize_new_values(index.oid) from pg_class as index'
            ~ " where index.oid = any('" ~ table['brin_indexes'] ~ "'::oid[])") -%}
        {%- do run_query('analyze ' ~ table['relation']) -%}
    {%- endfor -%}
    {#- Closes the transaction that the driver opened and that dbt does not know about. -#}
    {%- do run_query('commit') -%}
    {{ return('') }}
{%- endmacro %}


{#
    The tables that autovacuum would analyze by the server's settings and that this role may
    analyze, each with its block-range indexes.
#}
{% macro stale_statistics_sql(relations) %}
    select
        tables.oid::regclass::text as relation,
        array(
            select indexes.oid
            from pg_index
            inner join pg_class as indexes on pg_index.indexrelid = indexes.oid
            inner join pg_am on indexes.relam = pg_am.oid
            where pg_index.indrelid = tables.oid and pg_am.amname = 'brin'
        )::text as brin_indexes
    from pg_class as tables
    inner join pg_stat_all_tables as counts on tables.oid = counts.relid
    where
        tables.oid = any(array['{{ relations | join("', '") }}']::regclass[])
        and pg_has_role(tables.relowner, 'usage')
        and counts.n_mod_since_analyze > (
            current_setting('autovacuum_analyze_threshold')::double precision
            + current_setting('autovacuum_analyze_scale_factor')::double precision
            * greatest(tables.reltuples, 0)
        )
    order by tables.oid
{% endmacro %}
