{% macro new_columns(table, server) -%}
    {%- set changes = [] -%}
    {%- for column in table['columns'] if column['name'] not in server['columns'] -%}
        {%- if column['not_null']
            and column['default'] is none and column['generated'] is none
            and not column['identity']
        -%}
            {%- do exceptions.raise_compiler_error(
                "Column " ~ column['name'] ~ " is new in the source YAML of "
                ~ table['relation'] ~ " and not_null, but the table exists and its rows"
                ~ " would have no value. Drop the not_null constraint, or give the column"
                ~ " config.meta.default."
            ) -%}
        {%- endif -%}
        {%- do changes.append({
            'summary': 'column ' ~ table['relation'] ~ '.' ~ column['name'],
            'sql': 'alter table ' ~ table['relation'] ~ ' add column '
                ~ source_column_sql(column),
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}
