{#
    Recomputes the stale rows of a table with `query` and writes the differences; returns
    the number of changed rows. `scope` is a condition on the table's rows, alias `old`: it
    selects the rows that the result of `query` replaces.
#}
{% macro write_stale_rows(target, unique_key, query, scope) -%}
    {%- set fresh = make_temp_relation(target) -%}
    {%- set columns = adapter.get_columns_in_relation(target) -%}
    {%- do run_query(
        'create temporary table ' ~ fresh ~ ' on commit drop as (\n' ~ query ~ '\n)'
    ) -%}
    {#- A new table has no statistics; without them the planner may choose a bad join. -#}
    {%- do run_query('analyze ' ~ fresh) -%}
    {%- do assert_same_columns(target, fresh, columns) -%}
    {%- do assert_one_row_per_key(fresh, unique_key) -%}
    {{ return(write_differences(target, fresh, unique_key, columns, scope)) }}
{%- endmacro %}


{#
    The query that recomputes the rows made stale by new loads, and the condition that
    selects the rows it replaces: {query, scope}.
#}
{% macro stale_rows(spec, state, target) -%}
    {%- if spec['touched'] is not none -%}
        {%- set names = note_touched(spec, state, target) -%}
        {{ return({
            'query': query_with('{} in (' ~ names ~ ')'),
            'scope': 'old.' ~ adapter.quote(spec['touched']) ~ ' in (' ~ names ~ ')',
        }) }}
    {%- endif -%}
    {%- set column = spec['stale_from'] -%}
    {%- set is_date = adapter.get_columns_in_relation(target)
        | selectattr('name', 'equalto', column) | map(attribute='data_type') | first == 'date' -%}
    {%- set column = adapter.quote(column) -%}
    {%- set in_utc = '' if is_date else " at time zone 'utc'" -%}
    {#- Recompute from the first day that the loads changed, or from the first day after the
        newest row if that is earlier; then go back `days_before` days more. If days may
        have no rows, the load log gives the newest day. -#}
    {%- set newest -%}
        {%- if spec['has_empty_days'] -%}
            (
                select max(load_log.time_to) at time zone 'utc'
                from ingestion.applied_loads
                inner join ingestion.load_log
                    on applied_loads.load_id = load_log.load_id
                where
                    applied_loads.consumer = {{ text_literal(spec['consumer']) }}
                    and load_log.relation = {{ text_literal(spec['source']) }}
            )
        {%- else -%}
            (select max({{ column }}){{ in_utc }} from {{ target }})
        {%- endif -%}
    {%- endset -%}
    {%- set changed = text_literal(state['first_load']) ~ '::date' if state['first_load']
        else 'null' -%}
    {%- set day = run_query(
        'select greatest(least(' ~ changed ~ ', coalesce(' ~ newest
        ~ "::date + 1, '0001-01-01')) - " ~ spec['days_before'] ~ ", '0001-01-01')::text"
    ).rows[0][0] -%}
    {%- do run_query("select set_config('vigil.first_stale_day', '" ~ day ~ "', true)") -%}
    {%- set unit = 'date' if is_date else 'timestamptz' -%}
    {%- set scope = 'old.' ~ column ~ ' >= ' ~ first_stale_day(unit=unit) -%}
    {{ return({
        'query': sql,
        'scope': scope if is_date else '(' ~ scope ~ ' or old.' ~ column ~ ' is null)',
    }) }}
{%- endmacro %}


{#
    Writes the values that the loads touched to a temporary table; returns a SELECT of them.
#}
{% macro note_touched(spec, state, target) -%}
    {%- set column = adapter.quote(spec['touched']) -%}
    {%- set names = make_temp_relation(target, '__dbt_touched') -%}
    {%- set source = input_from_source(source_called(spec['source'])) -%}
    {%- set ranges = touched_ranges(
        dict(source, bucket_interval='1 hour'), state['loads']
    ) -%}
    {%- do run_query(
        'create temporary table ' ~ names ~ ' on commit drop as select distinct ' ~ column
        ~ ' from ' ~ spec['source'] ~ " where load_id = any('{"
        ~ state['loads'] | join(',') ~ "}'::bigint[]) and "
        ~ (in_ranges(source['time_column'], ranges) if ranges else 'false')
    ) -%}
    {%- do run_query('analyze ' ~ names) -%}
    {{ return('select touched.' ~ column ~ ' from ' ~ names ~ ' as touched') }}
{%- endmacro %}


{#
    The source node of a relation, `schema.name`.
#}
{% macro source_called(relation) -%}
    {%- for source in graph.sources.values()
        if source.schema ~ '.' ~ source.identifier == relation
    -%}
        {{ return(source) }}
    {%- endfor -%}
    {%- do exceptions.raise_compiler_error(
        "meta.loads of " ~ model.name ~ ": no source is called " ~ relation ~ "."
    ) -%}
{%- endmacro %}
