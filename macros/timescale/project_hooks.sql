{#
    The hooks by which these macros get information from the project that uses them, each
    with an empty default. A project implements a hook as a macro `postgres__` and its name.
#}
{% macro source_migrations() -%}
    {{ return(adapter.dispatch('source_migrations')()) }}
{%- endmacro %}


{% macro default__source_migrations() -%}
    {{ return([]) }}
{%- endmacro %}


{% macro server_problems() -%}
    {{ return(adapter.dispatch('server_problems')()) }}
{%- endmacro %}


{% macro default__server_problems() -%}
    {{ return([]) }}
{%- endmacro %}


{% macro logged_loads_sql(relation, consumer=none) -%}
    {{ return(adapter.dispatch('logged_loads_sql')(relation, consumer)) }}
{%- endmacro %}


{% macro default__logged_loads_sql(relation, consumer) %}
    select
        null::timestamptz as time_from,
        null::timestamptz as time_to,
        null::timestamptz as finished_at
    where false
{% endmacro %}


{% macro rollup_record_sql(consumer) -%}
    {{ return(adapter.dispatch('rollup_record_sql')(consumer)) }}
{%- endmacro %}


{% macro default__rollup_record_sql(consumer) -%}
    {{ return(none) }}
{%- endmacro %}
