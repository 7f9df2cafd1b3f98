{#
    An incremental SQL model that takes in loads: built once, then each run computes what
    the loads made stale that it does not contain, and writes the rows that differ. Rows,
    the record of the loads and the fingerprint change in one transaction. All of it is
    computed when its SQL, a variable in it, or the rules of a model it reads are others.
#}
{% macro build_from_loads(spec, leaving) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- do begin_alone(spec['consumer']) -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- do run_statements(leaving) -%}

    {%- set existing = load_cached_relation(this) -%}
    {%- set state = loads_state(spec) -%}
    {%- set action = loads_action(spec, state) -%}
    {%- if action == 'build' -%}
        {%- do swap_in_table(spec, existing, target) -%}
    {%- else -%}
        {%- do assert_contract(existing) -%}
        {%- if action == 'none' -%}
            {%- set reason = '--empty' if flags.EMPTY else 'nothing new' -%}
            {%- call noop_statement('main', 'CHANGED 0 (' ~ reason ~ ')', 'CHANGED', 0) -%}
                -- No load has arrived since the last run.
            {%- endcall -%}
        {%- else -%}
            {%- do sync_stale_rows(spec, state, target, action) -%}
        {%- endif -%}
        {%- do sync_indexes(target) -%}
    {%- endif -%}
    {%- if action != 'none' -%}
        {%- do record_loads(spec, state) -%}
    {%- endif -%}

    {{- finish_model(existing, target, action == 'build') -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return({'relations': [target]}) }}
{%- endmacro %}


{#
    What a run has to do: 'build' the table from nothing, 'recompute' all of its rows and
    write those that differ, 'sync' what new loads made stale, or 'none'. Why it computes
    all, it writes into state['reason'] and, of a table that is there, into dbt's log.
#}
{% macro loads_action(spec, state) -%}
    {%- if flags.EMPTY and state['is_table'] -%}
        {{ return('none') }}
    {%- endif -%}
    {%- set action = 'build' -%}
    {%- if state['is_table'] is none -%}
        {%- set reason = 'first build' -%}
    {%- elif should_full_refresh() -%}
        {%- set reason = 'full refresh' -%}
    {%- elif not state['is_table'] -%}
        {%- set reason = 'it is a view, and is to be a table' -%}
    {%- elif state['fingerprint'] is none -%}
        {%- set reason = 'ops.model_state has no record of what it was built from' -%}
    {%- elif state['changes'] | length > 0
        or state['fingerprint'] != loads_fingerprint(spec, state)
    -%}
        {%- set action = 'recompute' -%}
        {%- set reason = state['changes'] | join('; ')
            or 'the rules of ' ~ spec['upstream'] | join(' or ') ~ ' changed' -%}
    {%- else -%}
        {%- if state['made_of'] is none -%}
            {%- do record_build(
                spec['consumer'], state['definition'], 'on record', spec['made_of']
            ) -%}
        {%- endif -%}
        {{ return('sync' if state['loads'] | length > 0 else 'none') }}
    {%- endif -%}
    {%- do state.update({'reason': reason}) -%}
    {%- if state['is_table'] is not none -%}
        {%- do say_why_built(spec['consumer'], reason) -%}
    {%- endif -%}
    {{ return(action) }}
{%- endmacro %}


{% macro loads_fingerprint(spec, state) -%}
    {{ return(state['definition'] ~ '@' ~ state['upstream']) }}
{%- endmacro %}


{#
    Builds the table with its primary key beside the existing relation, and takes its place.
#}
{% macro swap_in_table(spec, existing, target) -%}
    {%- set intermediate = make_intermediate_relation(target) -%}
    {%- do run_query('drop table if exists ' ~ intermediate) -%}
    {%- call statement('main') -%}
        {{ get_create_table_as_sql(False, intermediate, sql) }}
    {%- endcall -%}
    {%- do run_query(
        'alter table ' ~ intermediate ~ ' add primary key ('
        ~ quoted_names(spec['unique_key']) ~ ')'
    ) -%}
    {%- do create_indexes(intermediate) -%}
    {%- if existing is not none -%}
        {%- do adapter.drop_relation(existing) -%}
    {%- endif -%}
    {%- do adapter.rename_relation(intermediate, target) -%}
    {%- do run_query('analyze ' ~ target) -%}
{%- endmacro %}


{#
    Computes the rows that are stale and makes those of the table equal to them.
#}
{% macro sync_stale_rows(spec, state, target, action) -%}
    {%- set fresh = make_temp_relation(target) -%}
    {%- set stale = stale_rows(spec, state, target, action) -%}
    {%- set columns = adapter.get_columns_in_relation(target)
        | map(attribute='name') | list -%}
    {%- do run_query(
        'create temporary table ' ~ fresh ~ ' on commit drop as (\n' ~ stale['sql'] ~ '\n)'
    ) -%}
    {#- The planner knows nothing of a table this young; joining it would be a guess. -#}
    {%- do run_query('analyze ' ~ fresh) -%}
    {%- do assert_same_columns(target, fresh, columns) -%}
    {%- set changing = sync_sql(
        target, fresh, spec['unique_key'], columns, scope=stale['scope']
    ) -%}
    {%- set changed = run_query(changing).rows[0][0] | int -%}
    {%- call noop_statement('main', 'SYNC ' ~ changed, 'SYNC', changed) -%}
        {{ stale['sql'] }};
        {{ changing }}
    {%- endcall -%}
{%- endmacro %}


{#
    Remembers what the table now contains. After an `--empty` build nothing is on record:
    the next run builds it.
#}
{% macro record_loads(spec, state) -%}
    {%- if flags.EMPTY -%}
        {%- do run_query(forget_model_sql(spec['consumer'])) -%}
        {{ return('') }}
    {%- endif -%}
    {%- do mark_loads_applied(spec['consumer'], state['loads']) -%}
    {%- set fingerprint = loads_fingerprint(spec, state) -%}
    {%- if fingerprint != state['fingerprint'] -%}
        {%- do set_fingerprint(spec['consumer'], fingerprint) -%}
    {%- endif -%}
    {%- if state['reason'] is not none -%}
        {%- do record_build(
            spec['consumer'], state['definition'], state['reason'], spec['made_of']
        ) -%}
    {%- endif -%}
{%- endmacro %}
