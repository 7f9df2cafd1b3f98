{#
    The migrations of the raw tables' layout, in order: 'version' counts up by one, 'release'
    is the first release with it, 'changes' is a macro that returns statements as a list of
    {'summary', 'sql'}. Each runs once per database, before the changes derived from the
    YAML. New tables, columns and indexes need no migration, the YAML is enough. A migration
    is needed for a changed name or meaning, and to remove something.

    A release that writes data which older releases would not understand adds a migration
    too, so that they refuse the database. The last version is SCHEMA_VERSION of
    loaders/ledger.py.
#}
{% macro schema_migrations() -%}
    {{ return([
        {
            'version': 1,
            'name': 'first_layout',
            'release': '0.1.0',
            'changes': migration_0001_first_layout,
        },
        {
            'version': 2,
            'name': 'rights_by_table',
            'release': '0.2.0',
            'changes': migration_0002_rights_by_table,
        },
        {
            'version': 3,
            'name': 'ranges_of_several_spans',
            'release': '0.2.0',
            'changes': migration_0003_ranges_of_several_spans,
        },
        {
            'version': 4,
            'name': 'places_in_files',
            'release': '0.2.0',
            'changes': migration_0004_places_in_files,
        },
        {
            'version': 5,
            'name': 'queries_without_marks',
            'release': '0.2.0',
            'changes': migration_0005_queries_without_marks,
        },
        {
            'version': 6,
            'name': 'no_last_of_ties',
            'release': '0.2.0',
            'changes': migration_0006_no_last_of_ties,
        },
    ]) }}
{%- endmacro %}
