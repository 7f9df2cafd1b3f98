{#
    SQL models: dbt's own `table`. Python models: a new table is filled and replaces the old
    one in one transaction.
#}
{% materialization table, adapter='postgres', supported_languages=['sql', 'python'] %}
    {%- set cleanup_statements = leave_rollup() -%}
    {%- if model.language == 'sql' -%}
        {%- do run_in_transaction(cleanup_statements) -%}
        {{ return(dbt.materialization_table_default()) }}
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
