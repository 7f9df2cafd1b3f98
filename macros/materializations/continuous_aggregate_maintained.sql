{#
    The rollup as a table that `dbt build` keeps up to date: built once, then each run
    recomputes the buckets that new loads touched, and only the rows that differ are
    written. The rows and the record of the loads they contain change in one transaction.
#}
{% macro build_maintained_rollup(spec) -%}
    {%- set target = this.incorporate(type='table') -%}

    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- do begin_alone(spec['consumer']) -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}

    {%- set state = rollup_state(spec) -%}
    {%- do drop_rollup_leftovers(state) -%}
    {%- set existing = rollup_existing(state) -%}
    {%- set action = rollup_action(spec, state, existing, state['kind'] == 'table') -%}
    {%- if action != 'none' -%}
        {%- do assert_rollup_query(spec) -%}
    {%- endif -%}
    {%- if action != 'none' and existing is not none -%}
        {%- do note_drops_of_rollup(spec) -%}
    {%- endif -%}
    {%- if action == 'build' -%}
        {%- do swap_in_maintained_rollup(spec, state, existing, target) -%}
    {%- elif action == 'refresh' -%}
        {%- do refresh_maintained_rollup(spec, state, target) -%}
    {%- else -%}
        {%- do report_unchanged() -%}
    {%- endif -%}

    {%- if state['kind'] == 'table' or action == 'build' -%}
        {%- set grain = {'columns': spec['unique_key'], 'unique': true} -%}
        {%- do sync_indexes(target, grain) -%}
        {%- do ensure_rollup_policies(spec, target) -%}
    {%- endif -%}
    {%- if action == 'build' -%}
        {%- do run_query('analyze ' ~ target) -%}
    {%- endif -%}
    {{- finish_model(existing, target, action == 'build') -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return(target) }}
{%- endmacro %}


{#
    Builds the whole table beside the existing relation, whatever that is, and takes its
    place. Of a source that has dropped rows, only whole buckets are computed; older ones
    are carried over. What is dropped while it runs counts as dropped before.
#}
{% macro swap_in_maintained_rollup(spec, state, existing, target) -%}
    {%- set intermediate = make_intermediate_relation(target) -%}
    {%- set retained = rollup_retained_from(spec) -%}
    {#- The loads listed before this are all in it. One that commits while it runs may be in
        it too, or in a part of it; it stays unapplied and is simply recomputed next time. -#}
    {%- set rows = fill_rollup_slices(spec, intermediate, retained) -%}
    {%- call noop_statement('main', 'SELECT ' ~ rows, 'SELECT', rows) -%}
        {{ sql }}
    {%- endcall -%}
    {#- Rows that were dropped meanwhile may be missing from the later slices. -#}
    {%- set retained_now = rollup_retained_from(spec) -%}
    {%- if retained_now != retained -%}
        {%- do drop_partial_buckets(spec, intermediate, retained_now) -%}
    {%- endif -%}

    {%- if existing is not none -%}
        {%- do keep_old_buckets(spec, existing, intermediate, retained_now) -%}
        {%- set backup = rollup_backup(existing) -%}
        {%- do adapter.rename_relation(existing, backup) -%}
        {%- do adapter.rename_relation(intermediate, target) -%}
        {%- do adapter.drop_relation(backup) -%}
    {%- else -%}
        {%- do adapter.rename_relation(intermediate, target) -%}
    {%- endif -%}
    {%- do record_rollup(spec, state, 'build') -%}
{%- endmacro %}


{#
    Recomputes the touched buckets of an existing table.
#}
{% macro refresh_maintained_rollup(spec, state, target) -%}
    {%- set ranges = touched_and_retained(spec, state['loads']) -%}
    {%- set changed = 0 -%}
    {%- set statements = [] -%}
    {%- if ranges | length > 0 -%}
        {%- set fresh = make_temp_relation(target) -%}
        {%- set columns = adapter.get_columns_in_relation(target)
            | map(attribute='name') | list -%}
        {%- do statements.append(
            'create temporary table ' ~ fresh ~ ' on commit drop as (\n'
            ~ rollup_query(in_ranges(spec['input_column'], ranges)) ~ '\n)'
        ) -%}
        {%- do statements.append(sync_sql(
            target, fresh, spec['unique_key'], columns,
            scope=in_ranges('old.' ~ spec['bucket'], ranges)
        )) -%}
        {%- do run_query(statements[0]) -%}
        {%- set changed = run_query(statements[1]).rows[0][0] | int -%}
    {%- endif -%}
    {%- do record_rollup(spec, state, 'refresh') -%}
    {%- call noop_statement('main', 'REFRESH ' ~ changed, 'REFRESH', changed) -%}
        {{ statements | join(';\n') }}
    {%- endcall -%}
{%- endmacro %}


{#
    The ranges that loads touched, without the buckets whose rows are no longer all there.
#}
{% macro touched_and_retained(spec, load_ids) -%}
    {{ return(clip_ranges(
        touched_ranges(spec, load_ids),
        rollup_retained_from(spec),
        spec['bucket_interval'],
        spec['time_unit']
    )) }}
{%- endmacro %}


{#
    From when on what the rollup reads is complete; none when nothing was ever dropped.
#}
{% macro rollup_retained_from(spec) -%}
    {{ return(retained_from({
        'relation': spec['input'],
        'time_column': spec['input_column'],
        'time_unit': spec['time_unit'],
    })) }}
{%- endmacro %}
