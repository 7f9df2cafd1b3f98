{#
    dbt's `view`, unchanged, also where a rollup was before.
#}
{% materialization view, adapter='postgres' %}
    {%- do run_in_transaction(leave_rollup()) -%}
    {{ return(dbt.materialization_view_default()) }}
{% endmaterialization %}
