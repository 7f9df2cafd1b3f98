{% macro current_feature_version() -%}
    (
        select model_state.fingerprint::jsonb -> 'settings' ->> 'version'
        from {{ source('ops', 'model_state').render() }} as model_state
        where model_state.model = 'signals.btc_embeddings'
    )
{%- endmacro %}
