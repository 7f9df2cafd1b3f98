{#
    What the model has taken in, in the transaction that writes its rows. On a first
    build or a full refresh it replaces what was remembered.
#}
{% macro python_record_state(spec, outcome) %}
    {% set consumer = dbt.string_literal(dbt.escape_single_quotes(spec.consumer)) %}

    {% if spec.starts_over and outcome.has_loads_table %}
        {% call statement('python_forget_loads') %}
            delete from ingestion.applied_loads where consumer = {{ consumer }}
        {% endcall %}
    {% endif %}
    {% if outcome.loads | length > 0 %}
        {% call statement('python_apply_loads') %}
            insert into ingestion.applied_loads (consumer, load_id)
            select {{ consumer }}, load_id
            from unnest(array[{{ outcome.loads | join(', ') }}]::bigint[]) as load_id
            on conflict do nothing
        {% endcall %}
    {% endif %}

    {% if spec.starts_over and outcome.has_state_table %}
        {% call statement('python_forget_state') %}
            delete from ops.model_state where model = {{ consumer }}
        {% endcall %}
    {% endif %}
    {% if outcome.fingerprint is not none %}
        {% set fingerprint = dbt.string_literal(
            dbt.escape_single_quotes(outcome.fingerprint)
        ) %}
        {% call statement('python_store_state') %}
            insert into ops.model_state (model, fingerprint)
            values ({{ consumer }}, {{ fingerprint }})
            on conflict (model) do update
            set fingerprint = excluded.fingerprint, updated_at = now()
        {% endcall %}
    {% endif %}
    {% if outcome.reason is not none and outcome.has_builds_table %}
        {% do record_build(
            spec.consumer, outcome.fingerprint or '', outcome.reason, outcome.made_of
        ) %}
    {% endif %}
{% endmacro %}
