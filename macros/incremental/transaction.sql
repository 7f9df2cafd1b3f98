{#
    Opens the transaction of a model and waits in it for a second build of the same model,
    until that has committed. A pre-hook outside the transaction says `commit`, after which
    neither dbt nor the driver begins another by itself; else the driver has begun one with
    its first statement.
#}
{% macro begin_alone(name) -%}
    {%- if pre_hooks | rejectattr('transaction') | list | length > 0 -%}
        {%- call statement('begin') -%} begin {%- endcall -%}
    {%- endif -%}
    {%- call statement('lock') -%}
        select pg_advisory_xact_lock(hashtextextended('{{ name }}', 0))
    {%- endcall -%}
{%- endmacro %}


{#
    Runs these statements in the transaction that is open; none are left out.
#}
{% macro run_statements(statements) -%}
    {%- for statement in statements if statement is not none -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    Has dbt's own materialization run these statements in its transaction, after the hooks
    that the model declares. After a hook outside of it, which says `commit`, dbt believes
    that one is open, and none is: then it is begun in so many words.
#}
{% macro run_in_transaction(statements) -%}
    {%- if pre_hooks | rejectattr('transaction') | list | length > 0 -%}
        {%- do pre_hooks.insert(0, {'sql': 'begin', 'transaction': true}) -%}
    {%- endif -%}
    {%- for statement in statements if statement is not none -%}
        {%- do pre_hooks.append({'sql': statement, 'transaction': true}) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    What is left to do in a model's transaction once `target` has its rows: grants, comments,
    and the hooks inside it; then its commit. `is_new` says that `target` replaces `existing`.
#}
{% macro finish_model(existing, target, is_new) -%}
    {%- set is_revoking = should_revoke(existing, full_refresh_mode=is_new) -%}
    {%- do apply_grants(target, config.get('grants'), should_revoke=is_revoking) -%}
    {%- do persist_docs(target, model) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do adapter.commit() -%}
{%- endmacro %}
