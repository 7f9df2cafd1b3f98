{#
    Python models, and SQL models with meta.loads (see loads_spec): only rows that differ are
    written, in one transaction with the record of the applied loads. All other models: dbt's
    own incremental.
#}
{% materialization incremental, adapter='postgres', supported_languages=['sql', 'python'] %}
    {%- set cleanup_statements = leave_rollup(drops=true) -%}
    {%- if model.language == 'sql' -%}
        {%- set loads = loads_spec() -%}
        {%- if loads is not none -%}
            {{ return(take_in_loads(loads, cleanup_statements)) }}
        {%- endif -%}
        {%- do run_in_transaction(cleanup_statements) -%}
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
    {{ return(finish_python(spec, load_result('main')['response'].outcome, cleanup_statements)) }}
{% endmaterialization %}
