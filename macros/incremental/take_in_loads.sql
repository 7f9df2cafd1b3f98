{#
    An incremental SQL model that takes in loads: built once, then each run computes what
    the loads made stale that it does not contain, and writes the rows that differ. Rows,
    the record of the loads and the fingerprint change in one transaction. All of it is
    computed when its SQL, a variable in it, or the rules of a model it reads are others.
#}
{% macro take_in_loads(spec, leaving) -%}
    {%- set target = this.incorporate(type='table') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- do begin_alone(spec['consumer']) -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- do run_statements(leaving) -%}

    {%- set state = model_state(spec) -%}
    {%- set existing = state['existing'] -%}
    {%- set action = what_to_do(spec, state) -%}
    {%- set is_new = action == 'all' and (
        state['kind'] != 'table' or not state['is_on_record'] or should_full_refresh()
        or has_other_columns(existing)
    ) -%}
    {#- By `touched`, each load has rows computed from all that the source has of them. -#}
    {%- if state['kind'] == 'table' and (
        action == 'all' or (action == 'new' and spec['touched'] is not none)
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
        {%- set stale = {'query': sql, 'scope': 'true'} if action == 'all'
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
    Whether a table has other columns than the model's contract: then all of it is computed
    into a new one.
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
    Builds the table with its primary key beside the existing relation, and takes its place.
    A model that reads its own rows finds them in a new table, which is still empty.
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
    Stops where `stale_from` is no day and no moment. The server knows its type without
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
    Stops where the table was built with another unique_key, unless the YAML declares a
    primary key of its own.
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
