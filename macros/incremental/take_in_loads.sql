{#
    Builds an incremental SQL model with meta.loads: the first run computes all rows, later
    runs recompute the rows that unapplied loads made stale and write those that differ.
    Rows, applied loads and fingerprint change in one transaction. All rows are computed
    again if its SQL, a variable in it, or the definition of a model it reads has changed.
#}
{% macro take_in_loads(spec, cleanup_statements) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- do begin_alone(spec['consumer']) -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- do run_statements(cleanup_statements) -%}

    {%- set state = model_state(spec) -%}
    {%- set existing = state['existing'] -%}
    {%- set action = what_to_do(spec, state) -%}
    {%- set is_new = action == 'rebuild' and (
        state['kind'] != 'table' or not state['is_on_record'] or should_full_refresh()
        or has_other_columns(existing)
    ) -%}
    {#- With `touched`, a load recomputes rows from their whole history, so the source must
        still have all of it. -#}
    {%- if state['kind'] == 'table' and (
        action == 'rebuild' or (action == 'apply_loads' and spec['touched'] is not none)
    ) -%}
        {%- set sources = nodes_read(model, ['ephemeral', 'view'])
            | selectattr('resource_type', 'equalto', 'source') | map(attribute='unique_id') -%}
        {%- do run_statements([
            assert_no_history_lost(spec['consumer'], names=history_inputs(sources))
        ]) -%}
    {%- endif -%}
    {%- if not is_new -%}
        {%- do assert_same_key(spec, state['primary_key']) -%}
    {%- endif -%}
    {%- if is_new -%}
        {%- do build_table(spec, target, existing) -%}
    {%- elif action == 'nothing' -%}
        {%- if state['kind'] == 'table' and not flags.EMPTY -%}
            {%- do assert_contract(existing) -%}
            {%- do sync_indexes(target, spec['unique_key']) -%}
        {%- endif -%}
        {%- do report_nothing(flags.EMPTY) -%}
    {%- else -%}
        {%- do assert_contract(existing) -%}
        {%- do sync_indexes(target, spec['unique_key']) -%}
        {%- set stale = {'query': sql, 'scope': 'true'} if action == 'rebuild'
            else stale_rows(spec, state, target) -%}
        {%- set changed = write_stale_rows(
            target, spec['unique_key'], stale['query'], stale['scope']
        ) -%}
        {%- do report('SYNC', changed, query=stale['query']) -%}
    {%- endif -%}
    {%- if action != 'nothing' -%}
        {%- do record_taken_in(spec, state, action) -%}
    {%- endif -%}

    {{- finish_model(existing, target, is_new) -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return({'relations': [target]}) }}
{%- endmacro %}


{#
    Whether a table has other columns than the model's contract: then the model is rebuilt
    as a new table.
#}
{% macro has_other_columns(existing) -%}
    {%- if not config.get('contract').enforced -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set declared = column_types(get_empty_schema_sql(model.columns)) -%}
    {%- set there = column_types('select * from ' ~ existing) -%}
    {{ return(declared.keys() | sort != there.keys() | sort) }}
{%- endmacro %}


{#
    Builds the table with its primary key under a temporary name and replaces the existing
    relation with it. If the model reads its own rows, the empty table is created under the
    final name first, so that the query can read it.
#}
{% macro build_table(spec, target, existing) -%}
    {%- set reads_itself = target | string in sql -%}
    {%- set filled = target if reads_itself else make_intermediate_relation(target) -%}
    {%- if reads_itself -%}
        {%- if not config.get('contract').enforced -%}
            {%- do exceptions.raise_compiler_error(
                model.name ~ " reads its own rows, so its table is made before its query"
                ~ " runs, from the columns of its YAML: set contract: {enforced: true}."
            ) -%}
        {%- endif -%}
        {%- if existing is not none -%}
            {%- do adapter.drop_relation(existing) -%}
        {%- endif -%}
        {%- do run_query('create table ' ~ target ~ get_table_columns_and_constraints()) -%}
        {%- do assert_contract() -%}
        {%- do assert_stale_from(spec) -%}
        {%- call statement('main') -%}
            {{ insert_rows_sql(target, adapter.get_columns_in_relation(target), sql) }}
        {%- endcall -%}
    {%- else -%}
        {%- do assert_stale_from(spec) -%}
        {%- do drop_relation_if_exists(load_cached_relation(filled)) -%}
        {%- call statement('main') -%}
            {{ get_create_table_as_sql(False, filled, sql) }}
        {%- endcall -%}
    {%- endif -%}
    {%- if not declares_primary_key() -%}
        {%- do run_query(
            'alter table ' ~ filled ~ ' add primary key ('
            ~ quoted_names(spec['unique_key']) ~ ')'
        ) -%}
    {%- endif -%}
    {%- do create_indexes(filled) -%}
    {%- if reads_itself -%}
        {%- do run_query('analyze ' ~ target) -%}
    {%- else -%}
        {%- do swap_in(filled, target, existing) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Stops if `stale_from` is neither a date nor a timestamptz. LIMIT 0 gives the type without
    running the query.
#}
{% macro assert_stale_from(spec) -%}
    {%- set column = spec['stale_from'] -%}
    {%- set type = 'date' if column is none else run_query(
        'select pg_typeof((select model_rows.' ~ adapter.quote(column) ~ ' from (\n' ~ sql
        ~ '\n) as model_rows limit 0))::text'
    ).rows[0][0] -%}
    {%- if type not in ['date', 'timestamp with time zone'] -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " says stale_from: " ~ column
            ~ ", which must be a date or a timestamptz, but is " ~ type ~ "."
        ) -%}
    {%- elif column is not none and type == 'date' and column not in spec['unique_key'] -%}
        {%- do refuse_key(column) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Stops if the table was built with another unique_key, unless the YAML declares a primary
    key.
#}
{% macro assert_same_key(spec, built) -%}
    {%- if built is not none and built | sort != spec['unique_key'] | sort
        and not declares_primary_key()
    -%}
        {%- do exceptions.raise_compiler_error(
            "The unique_key of " ~ model.name ~ " is " ~ spec['unique_key'] | join(', ')
            ~ ", but its table was built with " ~ built | join(', ')
            ~ ". Nothing was changed. Run it with --full-refresh, or put the old key back."
        ) -%}
    {%- endif -%}
{%- endmacro %}
