{% macro declared_tables() -%}
    {%- set known = [
        'time_column', 'time_unit', 'chunk_interval', 'dimensions', 'columnstore',
        'retention', 'reorder', 'primary_key', 'unique_keys', 'indexes', 'plain_indexes',
        'grants',
    ] -%}
    {%- set tables = [] -%}
    {%- for source in graph.sources.values() | sort(attribute='unique_id') -%}
        {%- set settings = source.config.meta.get('timescale') -%}
        {%- if settings is not none -%}
            {%- for key in settings if key not in known -%}
                {%- do exceptions.raise_compiler_error(
                    "Source " ~ source.schema ~ "." ~ source.identifier ~ ": unknown key '"
                    ~ key ~ "' in config.meta.timescale; known are "
                    ~ known | join(', ') ~ "."
                ) -%}
            {%- endfor -%}
            {%- set table = {
                'schema': source.schema,
                'name': source.identifier,
                'relation': source.schema ~ '.' ~ source.identifier,
                'description': source.description | trim,
                'columns': [],
            } -%}
            {%- for key in known -%}
                {%- do table.update({key: settings.get(key)}) -%}
            {%- endfor -%}
            {%- do assert_known_grants(table) -%}
            {%- for column in source.columns.values() -%}
                {%- do table['columns'].append(declared_column(table, column)) -%}
            {%- endfor -%}
            {%- do tables.append(table) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(tables) }}
{%- endmacro %}


{#
    Stops at an unknown role or right in `grants`.
#}
{% macro assert_known_grants(table) -%}
    {%- set rights = ['select', 'insert', 'update', 'delete', 'truncate'] -%}
    {%- for role, granted in (table['grants'] or {}).items() -%}
        {%- if role not in var('timescale_roles', []) -%}
            {%- do exceptions.raise_compiler_error(
                "Source " ~ table['relation'] ~ ": grants names the role " ~ role
                ~ "; the variable timescale_roles has "
                ~ (var('timescale_roles', []) | join(', ') or 'none')
                ~ ". Grant to others in SQL: create_sources leaves them alone."
            ) -%}
        {%- endif -%}
        {%- for right in granted if right not in rights -%}
            {%- do exceptions.raise_compiler_error(
                "Source " ~ table['relation'] ~ ": grants of " ~ role ~ " have '" ~ right
                ~ "'; known are " ~ rights | join(', ') ~ "."
            ) -%}
        {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}


{#
    One column of declared_tables.
#}
{% macro declared_column(table, column) -%}
    {%- if column.data_type is none -%}
        {%- do exceptions.raise_compiler_error(
            "Source " ~ table['relation'] ~ ": column " ~ column.name
            ~ " has no data_type."
        ) -%}
    {%- endif -%}
    {%- set ways = [] -%}
    {%- for way in ['default', 'generated', 'identity'] if way in column.config.meta -%}
        {%- do ways.append(way) -%}
    {%- endfor -%}
    {%- if ways | length > 1 -%}
        {%- do exceptions.raise_compiler_error(
            "Source " ~ table['relation'] ~ ": column " ~ column.name ~ " has "
            ~ ways | join(' and ') ~ " in config.meta, but a column gets its value in one"
            ~ " way only. Keep one of them."
        ) -%}
    {%- endif -%}
    {{ return({
        'name': column.name,
        'type': column.data_type | lower | trim,
        'description': column.description | trim,
        'not_null': 'not_null' in column.constraints | map(attribute='type') | list,
        'identity': column.config.meta.get('identity', false),
        'default': column.config.meta.get('default'),
        'generated': column.config.meta.get('generated'),
    }) }}
{%- endmacro %}
