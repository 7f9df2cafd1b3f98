{% macro hypertable_changes(table, server) -%}
    {%- if timescale_edition() == 'postgres' or table['chunk_interval'] is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set changes = [] -%}
    {%- set unit = table['time_unit'] -%}
    {%- if not server['is_hypertable'] -%}
        {%- do changes.append({
            'summary': 'hypertable ' ~ table['relation'],
            'sql': create_hypertable_sql(table),
        }) -%}
    {%- else -%}
        {%- set time = server['dimensions'][0] -%}
        {%- if time['column'] != table['time_column'] -%}
            {%- do exceptions.raise_compiler_error(
                table['relation'] ~ " is a hypertable over " ~ time['column']
                ~ " on the server and over " ~ table['time_column'] ~ " as declared. Put"
                ~ " time_column: " ~ time['column'] ~ " back, or declare a table under"
                ~ " another name."
            ) -%}
        {%- endif -%}
        {%- if time['span'] != interval_units(table['chunk_interval'], unit or 'us') -%}
            {%- do changes.append({
                'summary': 'chunk interval of ' ~ table['relation'] ~ ', for new chunks',
                'sql': set_chunk_interval_sql(table),
            }) -%}
        {%- endif -%}
        {%- if unit is not none and time['now'] != 'now_' ~ unit -%}
            {%- do changes.append({
                'summary': 'integer now of ' ~ table['relation'],
                'sql': set_integer_now_sql(table),
            }) -%}
        {%- endif -%}
    {%- endif -%}
    {%- do changes.extend(dimension_changes(table, server)) -%}
    {%- do changes.extend(columnstore_changes(table, server)) -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    Chunks that exist keep their length.
#}
{% macro set_chunk_interval_sql(table) %}
    select set_chunk_time_interval(
        '{{ table['relation'] }}',
        {{ time_span(table['chunk_interval'], table['time_unit']) }}
    );
{% endmacro %}
