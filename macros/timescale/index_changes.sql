{% macro index_changes(table, server) -%}
    {%- set changes = [] -%}
    {%- set has_primary = server['indexes'].values()
        | selectattr('primary') | list | length > 0 -%}
    {%- if server['kind'] is not none
        and table['primary_key'] is not none and not has_primary
    -%}
        {%- do changes.append({
            'summary': 'primary key of ' ~ table['relation'],
            'sql': 'alter table ' ~ table['relation'] ~ ' add primary key ('
                ~ table['primary_key'] | join(', ') ~ ')',
        }) -%}
    {%- endif -%}

    {%- set wanted = [] -%}
    {%- for key in table['unique_keys'] or [] -%}
        {%- do wanted.append((key, true)) -%}
    {%- endfor -%}
    {%- set others = table['indexes'] or [] -%}
    {%- if timescale_edition() == 'postgres' -%}
        {%- set others = others + (table['plain_indexes'] or []) -%}
    {%- endif -%}
    {%- for key in others -%}
        {%- do wanted.append((key, key.get('unique', false))) -%}
    {%- endfor -%}

    {%- for key, unique in wanted if key['name'] not in server['indexes'] -%}
        {%- do changes.append({
            'summary': 'index ' ~ table['schema'] ~ '.' ~ key['name'],
            'sql': create_source_index_sql(table, key, unique),
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    The CREATE INDEX of a declared index.
#}
{% macro create_source_index_sql(table, key, unique) %}
    create {{ 'unique ' if unique }}index {{ key['name'] }}
    on {{ table['relation'] }} using {{ key.get('method', 'btree') }}
    ({{ key['columns'] | join(', ') }})
    {%- if key.get('with') is not none %}
    with (
        {%- for option, value in key['with'].items() -%}
            {{ option }} = {{ value }}{{ ', ' if not loop.last }}
        {%- endfor -%}
    )
    {%- endif %}
    {%- if key.get('where') is not none %}
    where {{ key['where'] }}
    {%- endif %}
{% endmacro %}
