{#
    dbt's `table` for SQL models, unchanged, and for Python models a table that is filled
    beside the old one and takes its place in one transaction.
#}
{% materialization table, adapter='postgres', supported_languages=['sql', 'python'] %}
    {%- set leaving = leave_rollup() -%}
    {%- if model.language == 'sql' -%}
        {%- do run_in_transaction(leaving) -%}
        {{ return(dbt.materialization_table_default()) }}
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
