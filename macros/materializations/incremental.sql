{#
    For Python models a table into which only what really changed is written, in one
    transaction with the loads applied; for SQL models that take in loads the same (see
    loads_spec), and for others dbt's `incremental`, unchanged.
#}
{% materialization incremental, adapter='postgres', supported_languages=['sql', 'python'] %}
    {%- set leaving = leave_rollup(drops=true) -%}
    {%- if model.language == 'sql' -%}
        {%- set loads = loads_spec() -%}
        {%- if loads is not none -%}
            {{ return(take_in_loads(loads, leaving)) }}
        {%- endif -%}
        {%- do run_in_transaction(leaving) -%}
        {%- set result = dbt.materialization_incremental_default() -%}
        {%- do report_sync() -%}
        {{ return(result) }}
    {%- endif -%}

    {#- dbt lets only a materialization itself submit a Python job, by this statement. -#}
    {%- set spec = python_job_spec() -%}
    {%- do start_python() -%}
    {%- call statement('main', language='python') -%}
{{ compiled_code }}
job_spec = {{ spec }}
    {%- endcall -%}
    {{ return(finish_python(spec, load_result('main')['response'].outcome, leaving)) }}
{% endmaterialization %}
