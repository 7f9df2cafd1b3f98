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
