{#
    dbt's `table` for SQL models, unchanged, and for Python models a table that is filled
    beside the old one and takes its place in one transaction.
#}
{% materialization table, adapter='postgres', supported_languages=['sql', 'python'] %}
    {% set leaving = leave_rollup() %}
    {% if model.language == 'sql' %}
        {% do run_in_transaction(leaving) %}
        {{ return(dbt.materialization_table_default()) }}
    {% endif %}

    {% set existing = load_cached_relation(this) %}
    {% set target = this.incorporate(type='table') %}
    {% set starts_over = (
        existing is none or not existing.is_table or should_full_refresh()
    ) %}
    {% set spec = python_job_spec(
        existing, target, replaces=true, starts_over=starts_over
    ) %}

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

    {{ finish_model(existing, target, outcome.is_staged) }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target]}) }}
{% endmaterialization %}
