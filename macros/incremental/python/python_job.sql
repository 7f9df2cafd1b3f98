{#
    What comes before a Python job. It reads and writes on connections of its own: what
    pre-hooks did must be committed to be seen there, and no lock may be held that the job
    could wait for.
#}
{% macro start_python() -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- call statement('end') -%} select 1 {%- endcall -%}
    {%- do adapter.commit() -%}
{%- endmacro %}


{#
    Puts what the job staged in place, writes down what the model has taken in, and sets the
    message dbt prints, in one transaction.
#}
{% macro finish_python(spec, outcome, leaving) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='table') -%}
    {#- In so many words: after a commit neither dbt nor the driver would. -#}
    {%- call statement('begin') -%} begin {%- endcall -%}
    {%- do run_statements(leaving) -%}
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
    On a first build or a full refresh, what was written down before is forgotten.
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
    Which rows of the table what was staged replaces: those that the job's condition holds
    for, and those whose keys it named; none where it said neither.
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
    on_schema_change, decided before the job ran.
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
