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
    ) -%}
    {%- if is_new -%}
        {%- do build_table(spec['unique_key'], target, existing) -%}
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
    Builds the table with its primary key beside the existing relation, and takes its place.
    A model that reads its own rows finds them in a new table, which is still empty.
#}
{% macro build_table(unique_key, target, existing) -%}
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
        {%- call statement('main') -%}
            {{ insert_rows_sql(target, adapter.get_columns_in_relation(target), sql) }}
        {%- endcall -%}
    {%- else -%}
        {%- do drop_relation_if_exists(load_cached_relation(filled)) -%}
        {%- call statement('main') -%}
            {{ get_create_table_as_sql(False, filled, sql) }}
        {%- endcall -%}
    {%- endif -%}
    {%- if not declares_primary_key() -%}
        {%- do run_query(
            'alter table ' ~ filled ~ ' add primary key (' ~ quoted_names(unique_key) ~ ')'
        ) -%}
    {%- endif -%}
    {%- do create_indexes(filled) -%}
    {%- if reads_itself -%}
        {%- do run_query('analyze ' ~ target) -%}
    {%- else -%}
        {%- do swap_in(filled, target, existing) -%}
    {%- endif -%}
{%- endmacro %}
