{#
    Opens the transaction of a model and takes its advisory lock: another build of the same
    model must commit first. A pre-hook outside the transaction runs `commit`, after which
    neither dbt nor the driver opens a transaction; without such a hook the driver has opened
    one with its first statement.
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
    Runs these statements in the open transaction; entries that are none are skipped.
#}
{% macro run_statements(statements) -%}
    {%- for statement in statements if statement is not none -%}
        {%- do run_query(statement) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    Adds these statements to the pre-hooks, so that dbt's own materialization runs them in
    its transaction after the hooks that the model declares. After a hook outside the
    transaction, which runs `commit`, dbt wrongly believes that a transaction is open; then
    an explicit BEGIN is run.
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
    Ends a model's transaction once `target` has its rows: grants, comments, the hooks inside
    the transaction, then the commit. `is_new` means that `target` replaces `existing`.
#}
{% macro finish_model(existing, target, is_new) -%}
    {%- set is_revoking = should_revoke(existing, full_refresh_mode=is_new) -%}
    {%- do apply_grants(target, config.get('grants'), should_revoke=is_revoking) -%}
    {%- do persist_docs(target, model) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do adapter.commit() -%}
{%- endmacro %}
