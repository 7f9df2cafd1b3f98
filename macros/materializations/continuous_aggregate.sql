{#
    A rollup over time buckets of one source, with the same SQL for every edition: a native
    continuous aggregate on the Community edition, otherwise a table that each build brings
    up to date. See rollup_spec for the config.
#}
{% materialization continuous_aggregate, adapter='postgres' %}
    {%- set spec = rollup_spec() -%}
    {%- do assert_hypertable_kept() -%}
    {%- do assert_contract() -%}
    {%- if timescale_edition() == 'community' -%}
        {%- set relation = build_native_rollup(spec) -%}
    {%- else -%}
        {%- set relation = build_maintained_rollup(spec) -%}
    {%- endif -%}
    {{ return({'relations': [relation]}) }}
{% endmaterialization %}
