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
    {% do python_rename_key(target) %}
{% endmacro %}


{# The key was named after the table that was filled; the next one needs that name. #}
{% macro python_rename_key(target) %}
    {% call statement('python_key', fetch_result=true) %}
        select conname
        from pg_constraint
        where conrelid = '{{ target }}'::regclass and contype = 'p'
    {% endcall %}
    {% set wanted = target.identifier[:58] ~ '_pkey' %}
    {% for row in load_result('python_key')['data'] if row[0] != wanted %}
        {% call statement('python_rename_key') %}
            alter table {{ target }}
            rename constraint {{ adapter.quote(row[0]) }} to {{ adapter.quote(wanted) }}
        {% endcall %}
    {% endfor %}
{% endmacro %}
