{% macro source_changes(tables) -%}
    {%- set found = describe_tables(tables) -%}
    {%- set changes = [] -%}
    {%- set new_schemas = [] -%}
    {%- for table in tables -%}
        {%- set before = changes | length -%}
        {%- set server = found[table['relation']] -%}
        {%- if not server['has_schema'] and table['schema'] not in new_schemas -%}
            {%- do new_schemas.append(table['schema']) -%}
            {%- do changes.append({
                'summary': 'schema ' ~ table['schema'],
                'sql': 'create schema if not exists ' ~ table['schema'],
            }) -%}
        {%- endif -%}
        {%- if server['kind'] is none -%}
            {%- do changes.append({
                'summary': 'table ' ~ table['relation'],
                'sql': create_source_table_sql(table),
            }) -%}
        {%- else -%}
            {%- do assert_same_shape(table, server) -%}
            {%- do changes.extend(new_columns(table, server)) -%}
        {%- endif -%}
        {%- do changes.extend(hypertable_changes(table, server)) -%}
        {%- do changes.extend(index_changes(table, server)) -%}
        {%- do changes.extend(comment_changes(table, server)) -%}
        {%- if changes | length > before and not server['may_change'] -%}
            {%- do refuse_source_change(
                table['relation'] if server['kind'] is not none
                else 'the schema or database it is to be in',
                server,
                changes[before]['summary']
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{% macro refuse_source_change(thing, found, summary) -%}
    {%- set owner = found['owner'] -%}
    {%- do exceptions.raise_compiler_error(
        "The raw tables are not as declared (to do: " ~ summary ~ "), and " ~ target.user
        ~ " may not change " ~ thing
        ~ (", which belongs to " ~ owner if owner is not none else "")
        ~ ". Run this once: PGUSER="
        ~ (owner or var('timescale_owner', "the database's owner")) ~ " dbt run-operation create_sources"
    ) -%}
{%- endmacro %}
