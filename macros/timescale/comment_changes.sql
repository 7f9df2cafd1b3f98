{% macro comment_changes(table, server) -%}
    {%- set statements = [] -%}
    {%- if table['description'] and table['description'] != server['comment'] -%}
        {%- do statements.append(
            'comment on table ' ~ table['relation'] ~ ' is '
            ~ postgres_escape_comment(table['description']) ~ ';'
        ) -%}
    {%- endif -%}
    {%- for column in table['columns'] if column['description'] -%}
        {%- set actual = server['columns'].get(column['name'], {}).get('comment') -%}
        {%- if column['description'] != actual -%}
            {%- do statements.append(
                'comment on column ' ~ table['relation'] ~ '.'
                ~ adapter.quote(column['name']) ~ ' is '
                ~ postgres_escape_comment(column['description']) ~ ';'
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if statements | length == 0 -%}
        {{ return([]) }}
    {%- endif -%}
    {{ return([{
        'summary': statements | length ~ ' comments of ' ~ table['relation'],
        'sql': statements | join('\n'),
    }]) }}
{%- endmacro %}
