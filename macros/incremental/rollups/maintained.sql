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

    {%- set state = model_state(spec) -%}
    {%- set existing = state['existing'] -%}
    {%- set action = rollup_action(spec, state, 'table') -%}
    {%- if action == 'rebuild' -%}
        {%- do build_rollup_table(spec, existing, target) -%}
    {%- endif -%}
    {%- if state['kind'] == 'table' or action == 'rebuild' -%}
        {%- do sync_indexes(target, spec['unique_key']) -%}
        {%- do ensure_rollup_policies(spec, target) -%}
    {%- endif -%}
    {%- if action == 'apply_loads' -%}
        {%- do refresh_rollup_table(spec, state, target) -%}
    {%- elif action == 'nothing' -%}
        {%- do report('REFRESH', 0) -%}
    {%- endif -%}
    {%- if action != 'nothing' -%}
        {%- do record_rollup(spec, state, action) -%}
    {%- endif -%}

    {{- finish_model(existing, target, action == 'rebuild') -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return(target) }}
{%- endmacro %}


{#
    What a build must do with a rollup: see what_to_do. If there is work, it first checks
    the query and, if other rollups read this one, moves its retention mark to where rows of
    it were dropped by hand.
#}
{% macro rollup_action(spec, state, wanted) -%}
    {%- set action = what_to_do(spec, state, wanted) -%}
    {%- if action != 'nothing' -%}
        {%- do assert_rollup_query(spec) -%}
        {%- if state['existing'] is not none -%}
            {%- do note_drops_of_rollup(spec) -%}
        {%- endif -%}
    {%- endif -%}
    {{ return(action) }}
{%- endmacro %}


{#
    Builds the whole table under a temporary name, then replaces the existing relation, of
    any type, with it. If the source has dropped rows, only complete buckets are computed
    and older ones are copied from the existing relation. Rows dropped during the build are
    treated as if they were dropped before it.
#}
{% macro build_rollup_table(spec, existing, target) -%}
    {%- set filled = make_intermediate_relation(target) -%}
    {%- set retained = rollup_retained_from(spec) -%}
    {#- The table contains all loads listed before. A load that commits meanwhile may be in
        it completely or partly; it stays unapplied, so the next run recomputes its rows. -#}
    {%- set rows = fill_rollup_slices(spec, filled, retained) -%}
    {%- do report('SELECT', rows, query=sql) -%}
    {#- Later slices do not contain rows that were dropped meanwhile. -#}
    {%- set retained_now = rollup_retained_from(spec) -%}
    {%- if retained_now != retained -%}
        {%- do drop_partial_buckets(spec, filled, retained_now) -%}
    {%- endif -%}
    {%- do keep_old_buckets(spec, existing, filled, retained_now) -%}
    {%- do swap_in(filled, target, existing) -%}
{%- endmacro %}


{#
    Recomputes the touched buckets of an existing table.
#}
{% macro refresh_rollup_table(spec, state, target) -%}
    {%- set ranges = touched_and_retained(spec, state['loads']) -%}
    {%- if ranges | length == 0 -%}
        {%- do report('REFRESH', 0) -%}
        {{ return('') }}
    {%- endif -%}
    {#- '{}' stands for the column that rollup_filter() names. -#}
    {%- set query = query_with(in_ranges('{}', ranges)) -%}
    {%- set changed = write_stale_rows(
        target, spec['unique_key'], query, in_ranges('old.' ~ spec['bucket'], ranges)
    ) -%}
    {%- do report('REFRESH', changed, query=query) -%}
{%- endmacro %}


{#
    The ranges that loads touched, minus buckets whose raw rows are incomplete.
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
    First instant from which the rollup's input is complete; none if nothing was ever dropped.
#}
{% macro rollup_retained_from(spec) -%}
    {{ return(retained_from({
        'relation': spec['input'],
        'time_column': spec['input_column'],
        'time_unit': spec['time_unit'],
    })) }}
{%- endmacro %}
