{#
    The rollup as a table that `dbt build` keeps up to date: built once, then each run
    recomputes the buckets that new loads touched, and only the rows that differ are
    written. The rows and the record of the loads they contain change in one transaction.
#}
{% macro build_maintained_rollup(spec) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {%- set leftovers = [
        load_cached_relation(make_intermediate_relation(target)),
        load_cached_relation(make_backup_relation(target, 'table')),
    ] -%}
    {%- for leftover in leftovers -%}
        {%- do drop_relation_if_exists(leftover) -%}
    {%- endfor -%}

    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {#- BEGIN. A second build of this model waits here for the first to commit. -#}
    {%- call statement('lock') -%}
        select pg_advisory_xact_lock(hashtextextended('{{ spec['consumer'] }}', 0))
    {%- endcall -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}

    {%- set state = rollup_state(spec) -%}
    {%- set action = rollup_action(spec, state, existing, existing.is_table) -%}
    {%- if action == 'build' -%}
        {%- do swap_in_maintained_rollup(spec, state, existing, target) -%}
    {%- elif action == 'refresh' -%}
        {%- do refresh_maintained_rollup(spec, state, target) -%}
    {%- else -%}
        {%- do report_unchanged() -%}
    {%- endif -%}

    {%- set should_revoke = should_revoke(existing, full_refresh_mode=action == 'build') -%}
    {%- do apply_grants(target, config.get('grants'), should_revoke=should_revoke) -%}
    {%- do persist_docs(target, model) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return(target) }}
{%- endmacro %}


{#
    Builds the whole table beside the existing relation, whatever that is, and takes its
    place.
#}
{% macro swap_in_maintained_rollup(spec, state, existing, target) -%}
    {%- set intermediate = make_intermediate_relation(target) -%}
    {#- The loads listed before this statement are all in it. One that commits while it
        runs may be in it too; it stays unapplied and is simply recomputed next time. -#}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, intermediate, sql) }}
    {%- endcall -%}

    {%- set grain = {'columns': spec['unique_key'], 'unique': true} -%}
    {%- for index in [grain] + (config.get('indexes') or []) -%}
        {%- do run_query(get_create_index_sql(intermediate, index)) -%}
    {%- endfor -%}

    {%- if existing is not none -%}
        {%- set backup = make_backup_relation(target, existing.type) -%}
        {%- do adapter.rename_relation(existing, backup) -%}
        {%- do adapter.rename_relation(intermediate, target) -%}
        {%- do adapter.drop_relation(backup) -%}
    {%- else -%}
        {%- do adapter.rename_relation(intermediate, target) -%}
    {%- endif -%}

    {%- do run_query('analyze ' ~ target) -%}
    {%- do record_rollup(spec, state) -%}
{%- endmacro %}


{#
    Recomputes the touched buckets of an existing table.
#}
{% macro refresh_maintained_rollup(spec, state, target) -%}
    {%- set ranges = touched_ranges(spec, state['loads']) -%}
    {%- set changed = 0 -%}
    {%- set statements = [] -%}
    {%- if ranges | length > 0 -%}
        {%- set fresh = make_temp_relation(target) -%}
        {%- set columns = adapter.get_columns_in_relation(target)
            | map(attribute='name') | list -%}
        {%- set marker = rollup_filter(spec['time_column']) -%}
        {%- do statements.append(
            'create temporary table ' ~ fresh ~ ' on commit drop as (\n'
            ~ sql | replace(marker, in_ranges(spec['time_column'], ranges)) ~ '\n)'
        ) -%}
        {%- do statements.append(sync_sql(
            target, fresh, spec['unique_key'], columns,
            scope=in_ranges('old.' ~ spec['bucket'], ranges)
        )) -%}
        {%- do run_query(statements[0]) -%}
        {%- set changed = run_query(statements[1]).rows[0][0] | int -%}
    {%- endif -%}
    {%- do record_rollup(spec, state) -%}
    {%- call noop_statement('main', 'REFRESH ' ~ changed, 'REFRESH', changed) -%}
        {{ statements | join(';\n') }}
    {%- endcall -%}
{%- endmacro %}
