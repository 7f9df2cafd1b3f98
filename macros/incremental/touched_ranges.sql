{#
    The time ranges to refresh for these loads: a list of [from, to), whole buckets,
    neighbours merged, as SQL literals.

    Buckets finer than an hour are refreshed by the hour. At most 100 ranges are returned:
    only the widest gaps are left out of the refresh. A refresh of a few buckets too many
    changes nothing and costs less than a condition with a thousand ranges.
#}
{% macro touched_ranges(spec, load_ids) -%}
    {%- set unit = spec['time_unit'] -%}
    {%- set answer = run_query(touched_ranges_sql(spec, load_ids)) -%}
    {%- set ranges = [] -%}
    {%- for range_from, range_to in fromjson(answer.rows[0][0]) -%}
        {%- do ranges.append(
            (time_literal(range_from, unit), time_literal(range_to, unit))
        ) -%}
    {%- endfor -%}
    {{ return(ranges) }}
{%- endmacro %}


{% macro touched_ranges_sql(spec, load_ids, most=100) %}
    {%- set time_column = spec['time_column'] %}
    {%- set unit = spec['time_unit'] %}
    {%- set slice = refresh_slice(spec['bucket_interval']) %}
    {%- set width = time_span(slice, unit) %}
    {%- set range_type = 'tstzrange' if unit is none else 'int8range' %}
    with

    loads as materialized (
        select
            load_log.load_id,
            {{ load_time('load_log.time_from', unit) }} as time_from,
            {{ load_time('load_log.time_to', unit) }} as time_to
        from ingestion.load_log
        where
            load_log.load_id = any('{ {{- load_ids | join(',') -}} }'::bigint[])
            and load_log.time_from is not null
    ),

    ends as (
        select
            loads.*,
            {{ time_bucket(slice, 'loads.time_from', unit) }} as first_slice,
            {{ time_bucket(slice, 'loads.time_to', unit) }} as last_slice
        from loads
    ),

    {% if spec['parent'] is none -%}
    -- The range of a short load is used as a whole: looking up its rows would mean reading
    -- the table, which has no index by load.
    short as (
        select ends.*
        from ends
        where ends.last_slice <= ends.first_slice + {{ time_span('1 day', unit) }}
    ),

    long as (
        select ends.*
        from ends
        where ends.last_slice > ends.first_slice + {{ time_span('1 day', unit) }}
    ),

    -- The first and the last slice of a long load are known from the load log; only the
    -- slices between them are looked up in the table.
    slices as (
        select long.first_slice as slice from long
        union
        select long.last_slice from long
        union
        select {{ time_bucket(slice, 'raw.' ~ time_column, unit) }}
        from long
        inner join {{ spec['source'] }} as raw
            on
                long.load_id = raw.load_id
                and raw.{{ time_column }} >= long.first_slice + {{ width }}
                and raw.{{ time_column }} < long.last_slice
        where
            long.last_slice > long.first_slice + {{ width }}
            and raw.{{ time_column }} >= (select min(long.first_slice) from long)
            and raw.{{ time_column }} < (select max(long.last_slice) from long)
    ),

    spans as (
        select
            {{ range_type }}(short.first_slice, short.last_slice + {{ width }}) as span
        from short
        union all
        select {{ range_type }}(slices.slice, slices.slice + {{ width }})
        from slices
    ),
    {%- else -%}
    -- The rollup below has no load ids, and few rows: the whole range of each load is used.
    spans as (
        select
            {{ range_type }}(ends.first_slice, ends.last_slice + {{ width }}) as span
        from ends
    ),
    {%- endif %}

    merged as (
        select unnest(range_agg(spans.span)) as span from spans
    ),

    gaps as (
        select
            merged.span,
            lower(merged.span) - lag(upper(merged.span)) over (order by merged.span) as gap
        from merged
    ),

    ranked as (
        select
            gaps.span,
            row_number() over (order by gaps.gap desc nulls first, gaps.span) as rank
        from gaps
    ),

    numbered as (
        select
            ranked.span,
            count(*) filter (where ranked.rank <= {{ most }})
                over (order by ranked.span) as number
        from ranked
    ),

    ranges as (
        select
            min(lower(numbered.span)) as range_from,
            max(upper(numbered.span)) as range_to
        from numbered
        group by numbered.number
    )

    select
        coalesce(
            jsonb_agg(
                jsonb_build_array(ranges.range_from, ranges.range_to)
                order by ranges.range_from
            ),
            '[]'
        )::text as ranges
    from ranges
{% endmacro %}


{#
    The unit in which a rollup is refreshed: its bucket, or as many buckets as fill an hour.
#}
{% macro refresh_slice(bucket_interval) -%}
    {%- if is_calendar_interval(bucket_interval) -%}
        {{ return(bucket_interval) }}
    {%- endif -%}
    {%- set bucket = interval_units(bucket_interval, 'us') -%}
    {%- set hour = interval_units('1 hour', 'us') -%}
    {%- if bucket >= hour -%}
        {{ return(bucket_interval) }}
    {%- endif -%}
    {{ return(((hour + bucket - 1) // bucket) * bucket ~ ' us') }}
{%- endmacro %}


{#
    A condition that holds inside any of the ranges.
#}
{% macro in_ranges(column, ranges) -%}
    (
    {%- for range_from, range_to in ranges %}
        ({{ column }} >= {{ range_from }} and {{ column }} < {{ range_to }})
        {{- ' or' if not loop.last }}
    {%- endfor %}
    )
{%- endmacro %}
