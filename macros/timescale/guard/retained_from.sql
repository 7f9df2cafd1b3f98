{#
    The first instant from which a table still has all of its rows, as an SQL literal in the
    type of the table's time column; none if nothing was ever dropped from it. Three sources
    of information; the latest instant counts:

    - retention_marks, written by every macro and job of the project that drops rows;
    - the runs of the server's own retention job (Community), which writes no marks;
    - the project's load log, if it has one: if the earliest logged row is gone, somebody
      dropped it manually.

    `source` is `schema.name`, or a dictionary with `relation` (or `source`), `time_column`
    and `time_unit`, as returned by rollup_spec and declared_tables.
#}
{% macro retained_from(source) -%}
    {%- if not execute -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set table = guarded_table(source) -%}
    {%- do note_drops(table) -%}
    {%- set answer = run_query(retained_from_sql(table)) -%}
    {%- set found = answer.rows[0][0] if answer.rows | length > 0 else none -%}
    {{ return(none if found is none else time_literal(found, table['time_unit'])) }}
{%- endmacro %}


{% macro retained_from_sql(table) %}
    select {{ load_time('marks.dropped_before', table['time_unit']) }}::text
    from {{ var('timescale_schema') }}.retention_marks as marks
    where marks.relation = '{{ table['relation'] }}'
{% endmacro %}


{% macro guarded_table(source) -%}
    {%- if source is mapping -%}
        {{ return({
            'relation': source.get('source') or source.get('relation'),
            'time_column': source.get('time_column'),
            'time_unit': source.get('time_unit'),
        }) }}
    {%- endif -%}
    {%- for node in graph.sources.values() -%}
        {%- if node.schema ~ '.' ~ node.identifier == source -%}
            {%- set settings = node.config.meta.get('timescale', {}) -%}
            {{ return({
                'relation': source,
                'time_column': settings.get('time_column'),
                'time_unit': settings.get('time_unit'),
            }) }}
        {%- endif -%}
    {%- endfor -%}
    {%- for node in declared_models() -%}
        {%- if node.schema ~ '.' ~ node.alias == source -%}
            {%- set settings = node.config.get('meta', {}).get('timescale', {}) -%}
            {{ return({
                'relation': source,
                'time_column': settings.get('bucket') or settings.get('time_column'),
                'time_unit': node_time_unit(node),
            }) }}
        {%- endif -%}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error(
        "retained_from('" ~ source ~ "'): neither a source nor a model of this project"
        ~ " has this name; give schema.name, or a dictionary with relation, time_column"
        ~ " and time_unit."
    ) -%}
{%- endmacro %}
