{#
    Runs the pre-hooks and commits before a Python job. The job uses its own connections:
    they see only committed changes, and must not wait for a lock of this transaction.
#}
{% macro start_python() -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- call statement('end') -%} select 1 {%- endcall -%}
    {%- do adapter.commit() -%}
{%- endmacro %}


{#
    Writes the staged rows to the model's table and records the applied loads, in one
    transaction. Sets the message that dbt prints.
#}
{% macro finish_python(spec, outcome, cleanup_statements) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {#- Explicit BEGIN: after a commit, neither dbt nor the driver opens a transaction. -#}
    {%- call statement('begin') -%} begin {%- endcall -%}
    {%- do run_statements(cleanup_statements) -%}
    {%- do alter_columns(target, outcome) -%}
    {%- if outcome.is_staged -%}
        {%- do put_in_place(spec, outcome, target) -%}
        {%- do record_python(spec, outcome) -%}
    {%- else -%}
        {%- do report_nothing(spec.is_empty_run) -%}
    {%- endif -%}
    {{- finish_model(existing, target, spec.replaces and outcome.is_staged) -}}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return({'relations': [target]}) }}
{%- endmacro %}


{% macro put_in_place(spec, outcome, target) -%}
    {%- if spec.replaces -%}
        {%- set filled = make_intermediate_relation(target) -%}
        {%- do create_indexes(filled) -%}
        {%- do swap_in(filled, target, load_cached_relation(target)) -%}
        {%- do report('CREATED', outcome.rows) -%}
        {{ return('') }}
    {%- endif -%}
    {%- do sync_indexes(target, spec.unique_key) -%}
    {%- set changed = write_differences(
        target, spec.staging, spec.unique_key, spec.columns, python_scope(spec, outcome)
    ) -%}
    {%- do run_query('drop table if exists ' ~ spec.staging ~ ', ' ~ spec.deletes) -%}
    {%- do report('CHANGED', changed) -%}
{%- endmacro %}


{#
    A first build or a full refresh deletes the earlier records of the model.
#}
{% macro record_python(spec, outcome) -%}
    {%- if spec.starts_over and outcome.has_records -%}
        {%- do run_query(forget_model_sql(spec.consumer)) -%}
        {%- do run_query(
            'delete from ingestion.applied_loads where consumer = '
            ~ text_literal(spec.consumer)
        ) -%}
    {%- endif -%}
    {%- do mark_loads_applied(spec.consumer, outcome.loads) -%}
    {%- if outcome.fingerprint is not none -%}
        {%- do set_fingerprint(spec.consumer, outcome.fingerprint) -%}
    {%- endif -%}
    {%- if outcome.reason is not none and outcome.has_records -%}
        {%- do record_build(
            spec.consumer, outcome.fingerprint or '', outcome.reason, outcome.made_of
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The condition for the rows of the table that the staged rows replace: the job's own
    condition, or a key that the job listed; none if the job gave neither.
#}
{% macro python_scope(spec, outcome) -%}
    {%- set scopes = [] -%}
    {%- if outcome.scope is not none -%}
        {%- do scopes.append('(' ~ outcome.scope ~ ')') -%}
    {%- endif -%}
    {%- if outcome.has_deletes -%}
        {%- set key = quoted_names(spec.unique_key) -%}
        {%- do scopes.append(
            '(' ~ key ~ ') in (select ' ~ key ~ ' from ' ~ spec.deletes ~ ')'
        ) -%}
    {%- endif -%}
    {{ return(scopes | join(' or ') or none) }}
{%- endmacro %}


{#
    Adds and drops the columns that on_schema_change decided before the job ran.
#}
{% macro alter_columns(target, outcome) -%}
    {%- for column in outcome.new_columns -%}
        {%- do run_query(
            'alter table ' ~ target ~ ' add column ' ~ adapter.quote(column.name) ~ ' '
            ~ column.data_type
        ) -%}
    {%- endfor -%}
    {%- for name in outcome.old_columns -%}
        {%- do run_query(
            'alter table ' ~ target ~ ' drop column ' ~ adapter.quote(name)
        ) -%}
    {%- endfor -%}
{%- endmacro %}
