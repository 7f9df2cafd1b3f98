{% macro assert_same_shape(table, server) -%}
    {%- if server['kind'] not in ['r', 'p'] -%}
        {%- do exceptions.raise_compiler_error(
            table['relation'] ~ " is declared as a source table, but the server has"
            ~ " something else under this name (relkind '" ~ server['kind'] ~ "')."
            ~ " Rename or drop that one."
        ) -%}
    {%- endif -%}

    {%- for column in table['columns'] if column['name'] in server['columns'] -%}
        {%- set actual = server['columns'][column['name']] -%}
        {%- if not actual['same_type']
            or type_modifier(column['type']) != type_modifier(actual['type'])
        -%}
            {%- do exceptions.raise_compiler_error(
                "Column " ~ column['name'] ~ " of " ~ table['relation'] ~ " is "
                ~ actual['type'] ~ " on the server and " ~ column['type']
                ~ " in the source YAML. Types are never changed by dbt. Put the old type"
                ~ " back, or declare a new column under another name, or convert it"
                ~ " yourself: alter table " ~ table['relation'] ~ " alter column "
                ~ column['name'] ~ " type " ~ column['type'] ~ ";"
            ) -%}
        {%- endif -%}
    {%- endfor -%}

    {%- for key in (table['unique_keys'] or []) + (table['indexes'] or [])
        if key['name'] in server['indexes']
    -%}
        {%- set actual = server['indexes'][key['name']]['columns'] -%}
        {%- if actual != index_columns(key) -%}
            {%- do exceptions.raise_compiler_error(
                "Index " ~ key['name'] ~ " of " ~ table['relation'] ~ " is on ("
                ~ actual | join(', ') ~ ") on the server and on ("
                ~ index_columns(key) | join(', ') ~ ") in the source YAML. Give the new"
                ~ " index another name, or drop the old one yourself: drop index "
                ~ table['schema'] ~ "." ~ key['name'] ~ ";"
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{#
    The text in the parentheses of a type, without spaces: '18,8' for numeric(18, 8).
#}
{% macro type_modifier(type) -%}
    {%- set inside = modules.re.search('\\(([^)]*)\\)', type) -%}
    {%- set text = inside.group(1).replace(' ', '') if inside is not none else '' -%}
    {#- The server writes numeric(18) as numeric(18,0). -#}
    {{ return(text[:-2] if text.endswith(',0') else text) }}
{%- endmacro %}


{#
    The columns of a declared index without their sort order.
#}
{% macro index_columns(key) -%}
    {%- set names = [] -%}
    {%- for column in key['columns'] -%}
        {%- do names.append(column.split()[0]) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}
