{#
    For Python models a table into which only what really changed is written, in one
    transaction with the loads applied; for SQL models that take in loads the same (see
    loads_spec), and for others dbt's `incremental`, unchanged.
#}
{% materialization incremental, adapter='postgres', supported_languages=['sql', 'python'] %}
    {% set leaving = leave_rollup(drops=true) %}
    {% if model.language == 'sql' %}
        {% set loads = loads_spec() %}
        {% if loads is not none %}
            {{ return(take_in_loads(loads, leaving)) }}
        {% endif %}
        {% do run_in_transaction(leaving) %}
        {% set result = dbt.materialization_incremental_default() %}
        {% do report_sync() %}
        {{ return(result) }}
    {% endif %}

    {% set existing = load_cached_relation(this) %}
    {% set target = this.incorporate(type='table') %}
    {% set starts_over = (
        existing is none or not existing.is_table or should_full_refresh()
    ) %}
    {% set spec = python_job_spec(
        existing, target, replaces=starts_over, starts_over=starts_over
    ) %}
    {% if spec.unique_key | length == 0 %}
        {% do exceptions.raise_compiler_error(
            'Python model ' ~ model.name ~ ' is incremental and has no unique_key: add '
            ~ 'it to its config, or make it materialized: table'
        ) %}
    {% endif %}

    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% do python_end_transaction() %}

    {# dbt lets only a materialization itself submit a Python job, by this statement. #}
    {% call statement('main', language='python') -%}
{{ compiled_code }}
job_spec = {{ spec }}
    {%- endcall %}
    {% set outcome = load_result('main')['response'].outcome %}

    {% do python_begin_transaction() %}
    {% do run_statements(leaving) %}
    {% do finish_python(existing, target, spec, outcome) %}

    {{ finish_model(existing, target, starts_over) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
