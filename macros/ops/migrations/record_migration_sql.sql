{#
    Writes down that the database has a migration, in the transaction that ran it.
#}
{% macro record_migration_sql(migration) %}
    insert into ops.schema_version (version, name, release)
    values (
        {{ migration['version'] }},
        '{{ migration['name'] }}',
        '{{ migration['release'] }}'
    )
{% endmacro %}
