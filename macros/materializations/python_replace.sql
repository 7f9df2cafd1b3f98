{#
    The filled table takes the model's name. All of it is one transaction: readers see
    the old rows until the commit and the new ones after it.
#}
{% macro python_replace(existing, target) %}
    {% set filled = make_intermediate_relation(target) %}
    {% do create_indexes(filled) %}

    {% set existing = load_cached_relation(existing) if existing is not none %}
    {% if existing %}
        {% set backup = make_backup_relation(target, existing.type) %}
        {% do drop_relation_if_exists(load_cached_relation(backup)) %}
        {% do adapter.rename_relation(existing, backup) %}
        {% do adapter.rename_relation(filled, target) %}
        {% do drop_relation_if_exists(backup) %}
    {% else %}
        {% do adapter.rename_relation(filled, target) %}
    {% endif %}
    {% do python_rename_constraints(filled, target) %}
{% endmacro %}


{# The server named them after the table that was filled: name them after the model. #}
{% macro python_rename_constraints(filled, target) %}
    {% call statement('python_constraints', fetch_result=true) %}
        select conname
        from pg_constraint
        where conrelid = '{{ target }}'::regclass
            and starts_with(conname, '{{ filled.identifier }}')
    {% endcall %}
    {% for row in load_result('python_constraints')['data'] %}
        {% set wanted = target.identifier ~ row[0][filled.identifier | length :] %}
        {% if wanted | length <= target.relation_max_name_length() %}
            {% call statement('python_rename_constraint') %}
                alter table {{ target }}
                rename constraint {{ adapter.quote(row[0]) }}
                to {{ adapter.quote(wanted) }}
            {% endcall %}
        {% endif %}
    {% endfor %}
{% endmacro %}
