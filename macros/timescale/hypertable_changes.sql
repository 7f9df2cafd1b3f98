{#
    What makes a declared table a hypertable, with its columnstore on the Community
    edition. A plain table that has rows already is converted with them.
#}
{% macro hypertable_changes(table, server) -%}
    {%- set edition = timescale_edition() -%}
    {%- if edition == 'postgres' or table['chunk_interval'] is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set changes = [] -%}
    {%- if not server['is_hypertable'] -%}
        {%- do changes.append({
            'summary': 'hypertable ' ~ table['relation'],
            'sql': create_hypertable_sql(table),
        }) -%}
    {%- endif -%}
    {%- if edition == 'community' and table['columnstore'] is not none
        and not server['has_columnstore']
    -%}
        {%- do changes.append({
            'summary': 'columnstore of ' ~ table['relation'],
            'sql': enable_columnstore_sql(table),
        }) -%}
    {%- endif -%}
    {{ return(changes) }}
{%- endmacro %}
