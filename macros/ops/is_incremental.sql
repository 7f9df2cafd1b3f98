{% macro is_incremental() -%}
    {%- if not execute or model.config.materialized not in ['incremental', 'hypertable'] -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set relation = load_cached_relation(this) -%}
    {%- if relation is none or relation.type != 'table' -%}
        {{ return(false) }}
    {%- elif model.config.materialized == 'hypertable' -%}
        {{ return(
            not is_hypertable_rebuild()
            and (not should_full_refresh() or config.get('unique_key') is none)
        ) }}
    {%- endif -%}
    {{ return(not should_full_refresh()) }}
{%- endmacro %}
