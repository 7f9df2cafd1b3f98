{#
    dbt's `view`. If the model used to be a rollup, the old relation is removed first.
#}
{% materialization view, adapter='postgres' %}
    {%- do run_in_transaction(leave_rollup()) -%}
    {{ return(dbt.materialization_view_default()) }}
{% endmaterialization %}
