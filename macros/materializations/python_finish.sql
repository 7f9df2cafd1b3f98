{#
    Put what the job staged in place, inside the transaction that is open, and set the
    message dbt prints.
#}
{% macro python_finish(existing, target, spec, outcome) %}
    {% do python_alter_columns(target, outcome) %}
    {% if not outcome.is_staged %}
        {% set reason = '--empty' if spec.is_empty_run else 'nothing new' %}
        {% do store_raw_result(
            'main',
            message='CHANGED 0 (' ~ reason ~ ')',
            code='CHANGED',
            rows_affected=0
        ) %}
        {{ return('') }}
    {% endif %}

    {% if spec.replaces %}
        {% do python_replace(existing, target) %}
        {% set verb, count = 'CREATED', outcome.rows %}
    {% else %}
        {% set verb = 'CHANGED' %}
        {% set count = python_apply_changes(spec, outcome) %}
    {% endif %}
    {% do python_record_state(spec, outcome) %}
    {% do store_raw_result(
        'main', message=verb ~ ' ' ~ count, code=verb, rows_affected=count
    ) %}
{% endmacro %}


{# on_schema_change, decided before the job ran. #}
{% macro python_alter_columns(target, outcome) %}
    {% for column in outcome.new_columns %}
        {% call statement('python_add_column') %}
            alter table {{ target }}
            add column {{ adapter.quote(column.name) }} {{ column.data_type }}
        {% endcall %}
    {% endfor %}
    {% for name in outcome.old_columns %}
        {% call statement('python_drop_column') %}
            alter table {{ target }} drop column {{ adapter.quote(name) }}
        {% endcall %}
    {% endfor %}
{% endmacro %}
