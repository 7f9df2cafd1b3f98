{% macro columnstore_changes(table, server) -%}
    {%- set columnstore = table['columnstore'] -%}
    {%- if timescale_edition() != 'community' or columnstore is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if not server.get('has_columnstore') -%}
        {{ return([{
            'summary': 'columnstore of ' ~ table['relation'],
            'sql': enable_columnstore_sql(table),
        }]) }}
    {%- endif -%}
    {%- for key, live in [('segment_by', 'segment_by'), ('order_by', 'order_by')]
        if columnstore.get(key) is not none
        and column_list(columnstore[key] | join(',')) != column_list(server.get(live) or '')
    -%}
        {%- if loop.first -%}
            {{ return([{
                'summary': 'columnstore settings of ' ~ table['relation'],
                'sql': enable_columnstore_sql(table),
            }]) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return([]) }}
{%- endmacro %}


{#
    A list of columns with their sort orders in one spelling, as a list.
#}
{% macro column_list(text) -%}
    {%- set columns = [] -%}
    {%- for part in (text | lower | replace('"', '')).split(',') if part | trim -%}
        {%- set words = part.split() -%}
        {%- set descending = 'desc' in words -%}
        {%- set rest = words[1:] | reject('in', ['asc', 'desc']) | join(' ') -%}
        {%- set default = 'nulls first' if descending else 'nulls last' -%}
        {%- do columns.append((words[0], descending, rest or default)) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}
