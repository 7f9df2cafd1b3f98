{#
    The settings of a Python job, as a dictionary whose text is valid Python. A table is
    always replaced; an incremental model only if it starts over.
#}
{% macro python_job_spec() %}
    {% set existing = load_cached_relation(this) %}
    {% set target = this.incorporate(type='table') %}
    {% set starts_over = (
        existing is none or not existing.is_table or should_full_refresh()
    ) %}
    {% set replaces = starts_over or config.get('materialized') == 'table' %}
    {% set columns = python_columns() %}
    {% set names = columns | map(attribute='name') | list %}
    {% set unique_key = config.get('unique_key') or [] %}
    {% set unique_key = [unique_key] if unique_key is string else unique_key | list %}
    {% if unique_key | length == 0 and config.get('materialized') == 'incremental' %}
        {% do exceptions.raise_compiler_error(
            'Python model ' ~ model.name ~ ' is incremental and has no unique_key: add '
            ~ 'it to its config, or make it materialized: table'
        ) %}
    {% endif %}
    {% for name in unique_key if name not in names %}
        {% do exceptions.raise_compiler_error(
            'Python model ' ~ model.name ~ ': unique_key names ' ~ name
            ~ ', which is not among the columns in its YAML'
        ) %}
    {% endfor %}

    {% set swapped = make_intermediate_relation(target) %}
    {% set staged = make_intermediate_relation(target, '__dbt_stage') %}
    {% set deletes = make_intermediate_relation(target, '__dbt_deletes') %}
    {% set staging = swapped if replaces else staged %}

    {{ return({
        'consumer': target.schema ~ '.' ~ target.identifier,
        'target': target ~ '',
        'replaces': replaces,
        'starts_over': starts_over,
        'reason': python_reason(existing) if starts_over else none,
        'staging': staging ~ '',
        'staging_name': staging.schema ~ '.' ~ staging.identifier,
        'deletes': deletes ~ '',
        'deletes_name': deletes.schema ~ '.' ~ deletes.identifier,
        'leftovers': [swapped ~ '', staged ~ '', deletes ~ ''],
        'create': python_create_staging(staging, replaces, columns),
        'columns': columns,
        'unique_key': unique_key,
        'adds_key': not (replaces and declares_primary_key()),
        'on_schema_change': config.get('on_schema_change') or 'ignore',
        'is_empty_run': flags.EMPTY is true,
    }) }}
{% endmacro %}


{# Why a model starts over. If the model exists, the reason also goes into dbt's log. #}
{% macro python_reason(existing) %}
    {% if existing is none %}
        {{ return('first build') }}
    {% endif %}
    {% set reason = 'full refresh' if should_full_refresh()
        else 'it is a ' ~ existing.type ~ ', and is to be a table' %}
    {% do say_why_built(this.schema ~ '.' ~ this.identifier, reason) %}
    {{ return(reason) }}
{% endmacro %}


{# The model's columns from YAML: no type is ever inferred from data. #}
{% macro python_columns() %}
    {% set columns = [] %}
    {% for column in model.columns.values() %}
        {% if not column.data_type %}
            {% do exceptions.raise_compiler_error(
                'Python model ' ~ model.name ~ ': column ' ~ column.name
                ~ ' has no data_type in its YAML; types are not inferred from data'
            ) %}
        {% endif %}
        {% set types = column.constraints | map(attribute='type') | map('string') | list %}
        {% do columns.append({
            'name': column.name if column.quote else column.name | lower,
            'data_type': column.data_type,
            'not_null': 'not_null' in types,
        }) %}
    {% endfor %}
    {% if columns | length == 0 %}
        {% do exceptions.raise_compiler_error(
            'Python model ' ~ model.name ~ ' has no columns in YAML: the table is made '
            ~ 'from them, so each needs a name and a data_type'
        ) %}
    {% endif %}
    {{ return(columns) }}
{% endmacro %}


{# Whether YAML declares a primary key; then the job does not add one. #}
{% macro declares_primary_key() %}
    {% set declared = [] %}
    {% for constraint in model.constraints or [] %}
        {% do declared.append(constraint.type ~ '') %}
    {% endfor %}
    {% for column in model.columns.values() %}
        {% for constraint in column.constraints %}
            {% do declared.append(constraint.type ~ '') %}
        {% endfor %}
    {% endfor %}
    {{ return('primary_key' in declared) }}
{% endmacro %}


{#
    DDL of the table that the job fills. A table that becomes the model's table has all
    constraints; a staging table has only NOT NULL, so that invalid rows fail early.
#}
{% macro python_create_staging(staging, replaces, columns) %}
    {% if replaces %}
        {% set unlogged = 'unlogged' if config.get('unlogged', false) else '' %}
        {{ return(
            'create ' ~ unlogged ~ ' table ' ~ staging ~ get_table_columns_and_constraints()
        ) }}
    {% endif %}
    {% set ddl = [] %}
    {% for column in columns %}
        {% do ddl.append(
            adapter.quote(column.name) ~ ' ' ~ column.data_type
            ~ (' not null' if column.not_null else '')
        ) %}
    {% endfor %}
    {{ return('create unlogged table ' ~ staging ~ ' (' ~ ddl | join(', ') ~ ')') }}
{% endmacro %}
