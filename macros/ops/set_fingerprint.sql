{% macro set_fingerprint(consumer, fingerprint) %}
    {%- do run_query(
        "insert into ops.model_state (model, fingerprint)"
        ~ " values ('" ~ consumer ~ "', '" ~ fingerprint ~ "')"
        ~ " on conflict (model) do update"
        ~ " set fingerprint = excluded.fingerprint, updated_at = now()"
    ) -%}
{% endmacro %}
