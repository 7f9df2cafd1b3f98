{#
    What the server knows of a rollup, in one query: {'fingerprint': what it was built
    from or none, 'is_native': whether it is a continuous aggregate, 'loads': the ids of
    the loads it does not contain}.
#}
{% macro rollup_state(spec) -%}
    {%- set answer = run_query(rollup_state_sql(spec)) -%}
    {{ return(fromjson(answer.rows[0][0])) }}
{%- endmacro %}


{% macro rollup_state_sql(spec) %}
    select
        jsonb_build_object(
            'fingerprint', (
                select model_state.fingerprint
                from ops.model_state
                where model_state.model = '{{ spec['consumer'] }}'
            ),
            'is_native',
            {%- if timescale_edition() == 'community' %}
            exists (
                select 1
                from timescaledb_information.continuous_aggregates
                where
                    view_schema || '.' || view_name = '{{ spec['consumer'] }}'
            ),
            {%- else %}
            false,
            {%- endif %}
            'loads', (
                select coalesce(jsonb_agg(loads.load_id), '[]')
                from ({{ unapplied_loads(spec['consumer'], spec['source']) }}) as loads
            )
        )::text as state
{% endmacro %}


{#
    The time ranges that the rows of these loads touch: a list of [from, to), whole
    buckets, neighbours merged, as SQL literals.
#}
{% macro touched_ranges(spec, load_ids) -%}
    {%- set answer = run_query(touched_ranges_sql(spec, load_ids)) -%}
    {%- set ranges = [] -%}
    {%- for range_from, range_to in fromjson(answer.rows[0][0]) -%}
        {%- if spec['time_unit'] is not none -%}
            {%- do ranges.append((range_from ~ '::bigint', range_to ~ '::bigint')) -%}
        {%- else -%}
            {%- do ranges.append((
                "'" ~ range_from ~ "'::timestamptz", "'" ~ range_to ~ "'::timestamptz"
            )) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(ranges) }}
{%- endmacro %}


{% macro touched_ranges_sql(spec, load_ids) %}
    {%- set time_column = spec['time_column'] %}
    {%- set unit = spec['time_unit'] %}
    {%- set interval = spec['bucket_interval'] %}
    {%- set width = time_span(interval, unit) %}
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
            {{ time_bucket(interval, 'loads.time_from', unit) }} as first_bucket,
            {{ time_bucket(interval, 'loads.time_to', unit) }} as last_bucket
        from loads
    ),

    -- The first and the last bucket of a load are known without reading its rows; only
    -- what lies between has to be looked up, within the load's own time range.
    buckets as (
        select ends.first_bucket as bucket from ends
        union
        select ends.last_bucket from ends
        union
        select {{ time_bucket(interval, 'raw.' ~ time_column, unit) }}
        from ends
        inner join {{ spec['source'] }} as raw
            on
                ends.load_id = raw.load_id
                and raw.{{ time_column }} >= ends.first_bucket + {{ width }}
                and raw.{{ time_column }} < ends.last_bucket
        where ends.last_bucket > ends.first_bucket + {{ width }}
    ),

    merged as (
        select
            unnest(range_agg(
                {{ 'tstzrange' if unit is none else 'int8range' }}(
                    buckets.bucket, buckets.bucket + {{ width }}
                )
            )) as span
        from buckets
    )

    select
        coalesce(
            jsonb_agg(
                jsonb_build_array(lower(merged.span), upper(merged.span))
                order by merged.span
            ),
            '[]'
        )::text as ranges
    from merged
{% endmacro %}


{#
    A time of `load_log` in the unit of the table's own time.
#}
{% macro load_time(column, unit) -%}
    {%- if unit is none -%}
        {{ column }}
    {%- else -%}
        floor(
            extract(epoch from {{ column }}) * {{ interval_units('1 second', unit) }}
        )::bigint
    {%- endif -%}
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
