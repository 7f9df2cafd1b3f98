{#
    Bring the table to what was staged, and return how many rows really changed: removed,
    replaced by different ones, or new. Rows that are there and equal are not written.
#}
{% macro python_apply_changes(spec, outcome) %}
    {% set match = python_match(spec.unique_key) %}
    {% set staged %}
        select 1 from {{ spec.staging }} as s where {{ match | trim }}
    {% endset %}
    {% set counts = [] %}

    {% if outcome.has_deletes %}
        {% call statement('python_delete_named') %}
            delete from {{ spec.target }} as t
            using {{ spec.deletes }} as s
            where {{ match | trim }} and not exists ({{ staged | trim }})
        {% endcall %}
        {% do counts.append(load_result('python_delete_named')['response'].rows_affected) %}
    {% endif %}

    {% if outcome.scope is not none %}
        {% call statement('python_delete_in_scope') %}
            delete from {{ spec.target }} as t
            where ({{ outcome.scope }}) and not exists ({{ staged | trim }})
        {% endcall %}
        {% do counts.append(
            load_result('python_delete_in_scope')['response'].rows_affected
        ) %}
    {% endif %}

    {% set values = spec.columns | rejectattr('name', 'in', spec.unique_key) | list %}
    {% if values | length > 0 %}
        {% call statement('python_update') %}
            update {{ spec.target }} as t
            set
                {% for column in values %}
                {% set name = adapter.quote(column.name) %}
                {{ name }} = s.{{ name }}{{ ',' if not loop.last }}
                {% endfor %}
            from {{ spec.staging }} as s
            where {{ match | trim }}
                and (
                    {% for column in values %}
                    {{ 'or ' if not loop.first }}{{ python_differs(column) | trim }}
                    {% endfor %}
                )
        {% endcall %}
        {% do counts.append(load_result('python_update')['response'].rows_affected) %}
    {% endif %}

    {% set names = get_quoted_csv(spec.columns | map(attribute='name')) %}
    {% call statement('python_insert') %}
        insert into {{ spec.target }} ({{ names }})
        select {{ names }}
        from {{ spec.staging }} as s
        where not exists (
            select 1 from {{ spec.target }} as t where {{ match | trim }}
        )
    {% endcall %}
    {% do counts.append(load_result('python_insert')['response'].rows_affected) %}

    {% call statement('python_drop_staging') %}
        drop table if exists {{ spec.staging }}, {{ spec.deletes }}
    {% endcall %}
    {{ return(counts | sum) }}
{% endmacro %}


{# Join condition of the table `t` and what was staged, `s`. #}
{% macro python_match(unique_key) %}
    {% for name in unique_key %}
        {{ 'and ' if not loop.first }}t.{{ adapter.quote(name) }} = s.{{ adapter.quote(name) }}
    {% endfor %}
{% endmacro %}


{# Whether a column differs; `json` has no equality of its own. #}
{% macro python_differs(column) %}
    {% set name = adapter.quote(column.name) %}
    {% set cast = '::text' if column.data_type | lower | trim == 'json' else '' %}
    t.{{ name }}{{ cast }} is distinct from s.{{ name }}{{ cast }}
{% endmacro %}
