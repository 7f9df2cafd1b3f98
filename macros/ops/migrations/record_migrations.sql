{#
    Writes down that the database has these migrations, in the transaction that ran them.
#}
{% macro record_migrations(migrations) -%}
    {%- if migrations | length > 0 -%}
        {%- do run_query(record_migrations_sql(migrations)) -%}
    {%- endif -%}
{%- endmacro %}


{% macro record_migrations_sql(migrations) %}
    insert into ops.schema_version (version, name, release)
    values
    {%- for migration in migrations %}
    (
        {{ migration['version'] }},
        '{{ migration['name'] }}',
        '{{ migration['release'] }}'
    ){{ ',' if not loop.last }}
    {%- endfor %}
{% endmacro %}
