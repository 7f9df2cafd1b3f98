{#
    The changes of the raw tables' layout, in order: 'version' counts up by one, 'release' is
    the one that brought it, 'changes' is a macro that returns statements as a list of
    {'summary', 'sql'}. They run before what is derived from the YAML, each once in the life
    of a database. New tables, columns and indexes need no entry, the YAML is enough; what a
    declaration cannot say does: a name or a meaning that changed, something to take away.

    A release that writes what older ones would not understand adds an entry too, if only to
    make them refuse the database. The last version is SCHEMA_VERSION of loaders/ledger.py.
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
