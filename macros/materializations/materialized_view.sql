{#
    dbt's `materialized_view`. If the model used to be a rollup, the old relation is removed
    first.
#}
{% materialization materialized_view, adapter='postgres' %}
    {%- do run_in_transaction(leave_rollup(drops=true)) -%}
    {{ return(dbt.materialization_materialized_view_default()) }}
{% endmaterialization %}


{# Whether a relation is a continuous aggregate on this server. #}
{% macro is_continuous_aggregate(relation) -%}
    {%- if timescale_edition() != 'community' -%}
        {{ return(false) }}
    {%- endif -%}
    {{ return(run_query(
        "select 1 from timescaledb_information.continuous_aggregates"
        ~ " where view_schema = '" ~ relation.schema
        ~ "' and view_name = '" ~ relation.identifier ~ "'"
    ).rows | length > 0) }}
{%- endmacro %}
