{#
    The version that btc_embeddings is kept up in, as a scalar subquery. The table's plain
    name: `--empty` would read nothing from it, also where a function is created.
#}
{% macro current_feature_version() -%}
    (
        select model_state.fingerprint::jsonb -> 'settings' ->> 'version'
        from {{ source('ops', 'model_state').render() }} as model_state
        where model_state.model = 'signals.btc_embeddings'
    )
{%- endmacro %}
