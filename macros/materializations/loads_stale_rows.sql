{#
    The model's SQL for the rows that are stale, and the condition, on the model's rows
    under the alias `old`, that holds for them: {sql, scope}.
#}
{% macro stale_rows(spec, state, target, action) -%}
    {%- if action == 'recompute' -%}
        {{ return({'sql': sql, 'scope': 'true'}) }}
    {%- endif -%}
    {%- if spec['touched'] is not none -%}
        {%- set names = note_touched(spec, state, target) -%}
        {{ return({
            'sql': fill_in_touched(sql, names),
            'scope': 'old.' ~ adapter.quote(spec['touched']) ~ ' in (' ~ names ~ ')',
        }) }}
    {%- endif -%}
    {%- if state['last_row'] is none -%}
        {{ return({'sql': sql, 'scope': 'true'}) }}
    {%- endif -%}
    {%- set day = first_day_to_compute(state['last_row'], state['first_load']) -%}
    {{ return({
        'sql': fill_in_days(sql, day, spec['stale_from'], target),
        'scope': 'old.' ~ adapter.quote(spec['stale_from']) ~ " >= '" ~ day ~ "'::date",
    }) }}
{%- endmacro %}


{#
    The first day that new loads changed or that is not there, as a datetime.date.
#}
{% macro first_day_to_compute(last_row, first_load) -%}
    {%- set date = modules.datetime.date -%}
    {%- set next = date.fromisoformat(last_row) + modules.datetime.timedelta(days=1) -%}
    {%- if first_load is none -%}
        {{ return(next) }}
    {%- endif -%}
    {{ return([next, date.fromisoformat(first_load)] | min) }}
{%- endmacro %}


{#
    Puts the days in the place of first_stale_day() and kept_rows().
#}
{% macro fill_in_days(query, day, column, target) -%}
    {%- set filled = [query] -%}
    {%- set delta = modules.datetime.timedelta -%}
    {%- for mark, unit, back in modules.re.findall(
        "('[^']*'::\\w+ /\\* first_stale_day (\\w+) (\\d+) \\*/)", query
    ) -%}
        {%- set from_day = day - delta(days=back | int) -%}
        {%- if unit == 'ms' -%}
            {%- set days = (from_day - modules.datetime.date(1970, 1, 1)).days -%}
            {%- set value = "'" ~ days * 86400000 ~ "'::bigint" -%}
        {%- elif unit == 'timestamptz' -%}
            {%- set value = "'" ~ from_day ~ " 00:00:00+00'::timestamptz" -%}
        {%- else -%}
            {%- set value = "'" ~ from_day ~ "'::date" -%}
        {%- endif -%}
        {%- do filled.append(filled.pop().replace(mark, value)) -%}
    {%- endfor -%}
    {%- for mark, back, columns in modules.re.findall(
        '(/\\* kept_rows (\\d+): ([^*]+) \\*/)', query
    ) -%}
        {%- set from_day = day - delta(days=back | int) -%}
        {%- do filled.append(filled.pop().replace(
            mark,
            'union all select ' ~ columns ~ ' from ' ~ target ~ ' where ' ~ column
            ~ " >= '" ~ from_day ~ "'::date and " ~ column ~ " < '" ~ day ~ "'::date"
        )) -%}
    {%- endfor -%}
    {{ return(filled[0]) }}
{%- endmacro %}


{#
    Lists in a temporary table what the loads touched; returns the SELECT of it.
#}
{% macro note_touched(spec, state, target) -%}
    {%- set column = adapter.quote(spec['touched']) -%}
    {%- set names = make_temp_relation(target, '__dbt_touched') -%}
    {%- set source = input_from_source(source_called(spec['relation'])) -%}
    {%- set ranges = touched_ranges(
        dict(source, bucket_interval='1 hour'), state['loads']
    ) -%}
    {%- do run_query(
        'create temporary table ' ~ names ~ ' on commit drop as select distinct ' ~ column
        ~ ' from ' ~ spec['relation'] ~ " where load_id = any('{"
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


{#
    Puts what the loads touched in the place of touched_rows().
#}
{% macro fill_in_touched(query, names) -%}
    {%- set filled = [query] -%}
    {%- for mark, column in modules.re.findall(
        '(true /\\* touched_rows (\\S+) \\*/)', query
    ) -%}
        {%- do filled.append(filled.pop().replace(mark, column ~ ' in (' ~ names ~ ')')) -%}
    {%- endfor -%}
    {{ return(filled[0]) }}
{%- endmacro %}
