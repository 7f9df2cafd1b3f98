{#
    Makes `intermediate` the table of a rollup's rows, slice by slice in order of time, and
    returns how many there are. A slice is whole buckets that hold about
    `rollup_slice_rows` rows, or one bucket that holds more: sorting and grouping them
    takes the same memory and temporary disk however long the history is.

    All slices run in one transaction, but each sees the rows committed when it begins. The
    lock prevents a drop of the table or of a chunk meanwhile; rows deleted in another way
    are noticed when the caller calls retained_from again.
#}
{% macro fill_rollup_slices(spec, intermediate, retained_from) -%}
    {%- set slices = rollup_slices(spec, retained_from) -%}
    {%- if not flags.EMPTY -%}
        {%- do run_query('lock table ' ~ spec['input'] ~ ' in access share mode') -%}
    {%- endif -%}
    {%- do drop_relation_if_exists(load_cached_relation(intermediate)) -%}
    {%- do run_query(get_create_table_as_sql(
        False, intermediate, 'select * from (\n' ~ sql ~ '\n) as rollup where false'
    )) -%}
    {%- set columns = adapter.get_columns_in_relation(intermediate) -%}
    {%- set filled = namespace(rows=0) -%}
    {%- for slice_from, slice_to in slices -%}
        {%- set conditions = [] -%}
        {%- if slice_from is not none -%}
            {%- do conditions.append('{} >= ' ~ slice_from) -%}
        {%- endif -%}
        {%- if slice_to is not none -%}
            {%- do conditions.append('{} < ' ~ slice_to) -%}
        {%- endif -%}
        {%- call statement('slice') -%}
            {{ insert_rows_sql(
                intermediate,
                columns,
                query_with(conditions | join(' and ')) if conditions else sql
            ) }}
        {%- endcall -%}
        {%- set filled.rows = filled.rows
            + load_result('slice')['response'].rows_affected -%}
    {%- endfor -%}
    {{ return(filled.rows) }}
{%- endmacro %}


{#
    All time from the first complete bucket on, cut into slices: a list of [from, to) in
    order, as SQL literals. The first slice is open to the left if nothing was dropped, and
    the last is open to the right, so rows that are in no logged load are covered too.
#}
{% macro rollup_slices(spec, retained_from) -%}
    {%- set unit = spec['time_unit'] -%}
    {%- set begin = none -%}
    {%- if retained_from is not none -%}
        {%- set begin = first_whole_bucket(retained_from, spec['bucket_interval'], unit) -%}
    {%- endif -%}
    {%- set starts = [begin] -%}
    {%- if not flags.EMPTY -%}
        {%- for row in run_query(
            rollup_slices_sql(spec, begin, var('rollup_slice_rows'))
        ).rows -%}
            {%- do starts.append(time_literal(row[0], unit)) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set slices = [] -%}
    {%- for start in starts -%}
        {%- do slices.append([start, starts[loop.index] if not loop.last else none]) -%}
    {%- endfor -%}
    {{ return(slices) }}
{%- endmacro %}


{#
    The boundaries between slices, estimated from the load log: it has the number of rows
    and the time range of each load. The rows are assumed to be spread evenly over it.
#}
{% macro rollup_slices_sql(spec, begin, slice_rows) %}
    {%- set unit = spec['time_unit'] %}
    {%- set interval = refresh_slice(spec['bucket_interval']) %}
    {%- set width = time_span(interval, unit) %}
    with

    loads as (
        select
            load_log.load_id,
            load_log.rows_loaded,
            {{ load_time('load_log.time_from', unit) }} as time_from,
            {{ load_time('load_log.time_to', unit) }} as time_to
        from ingestion.load_log
        where
            load_log.relation = '{{ spec['source'] }}'
            and load_log.time_from is not null
    ),

    -- A day's length depends on the time zone of the session, a bucket's start does not.
    spread as (
        select
            {{ time_bucket(interval, 'times.at', unit) }} as bucket,
            loads.rows_loaded::double precision
            / count(*) over (partition by loads.load_id) as row_count
        from loads
        cross join lateral generate_series(
            {{ time_bucket(interval, 'loads.time_from', unit) }},
            {{ time_bucket(interval, 'loads.time_to', unit) }},
            {{ width }}
        ) as times (at)
    ),

    buckets as (
        select
            spread.bucket,
            sum(spread.row_count) as row_count
        from spread
        {%- if begin is not none %}
        where spread.bucket >= {{ begin }}
        {%- endif %}
        group by spread.bucket
    ),

    numbered as (
        select
            buckets.bucket,
            floor(
                (
                    sum(buckets.row_count) over (order by buckets.bucket)
                    - buckets.row_count
                ) / {{ slice_rows }}
            ) as number
        from buckets
    )

    select min(numbered.bucket)::text as starts_at
    from numbered
    group by numbered.number
    order by min(numbered.bucket)
    offset 1
{% endmacro %}
