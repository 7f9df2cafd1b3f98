{#
    Applies the retention of one table where the server has no jobs. Whole chunks go, those
    that end before the first bucket that is still kept, so that every edition keeps the
    same rows: drop_chunks on a hypertable, deletes in batches on a table.
#}
{% macro run_retention(table) -%}
    {%- set relation = table['relation'] -%}
    {%- do assert_retention_keeps_refreshes() -%}
    {%- if run_query("select to_regclass('" ~ relation ~ "') is null").rows[0][0] -%}
        {{ return('') }}
    {%- endif -%}
    {%- set is_hypertable = timescale_edition() == 'apache' and not table.get('is_rollup') -%}
    {%- set answer = run_query(retention_boundary_sql(table)) -%}
    {%- if answer.rows | length == 0 -%}
        {{ return('') }}
    {%- endif -%}
    {%- set dropped_before = answer.rows[0][0] -%}

    {%- set boundary = time_literal(dropped_before, table['time_unit']) -%}
    {#- No load may come in between the look and the mark; later ones see the mark. -#}
    {#- After a `commit` by hand the driver opens no transaction of its own. -#}
    {%- do run_query('begin') -%}
    {%- do run_query('lock table ' ~ relation ~ ' in share row exclusive mode') -%}
    {%- set obstacle = retention_obstacle(table, boundary) -%}
    {%- if obstacle is not none -%}
        {%- do exceptions.warn(
            "Nothing is dropped from " ~ relation ~ ", although it keeps rows for "
            ~ retention_interval(table['retention']) ~ " only: " ~ obstacle
        ) -%}
        {%- do record_policy_run('retention ' ~ relation, error=obstacle) -%}
        {%- do run_query('commit') -%}
        {{ return('') }}
    {%- endif -%}

    {#- The mark first: should a batch fail, nobody takes the rest for whole buckets. -#}
    {%- do set_retention_mark(relation, boundary, table['time_unit']) -%}
    {%- if is_hypertable -%}
        {%- set dropped = run_query(
            "select count(*) from drop_chunks('" ~ relation ~ "', older_than => "
            ~ boundary ~ ")"
        ).rows[0][0] -%}
    {%- else -%}
        {%- do run_query('commit') -%}
        {%- set dropped = delete_in_batches(table, boundary) -%}
    {%- endif -%}
    {%- do record_policy_run('retention ' ~ relation, rows=dropped) -%}
    {%- do run_query('commit') -%}
    {%- do log(
        "retention of " ~ relation ~ ": dropped " ~ dropped
        ~ (' chunks' if is_hypertable else ' rows') ~ " before " ~ dropped_before,
        info=true
    ) -%}
{%- endmacro %}


{#
    The instant before which rows are to go, as text; no row when there are none.
#}
{% macro retention_boundary_sql(table) %}
    {%- set unit = table['time_unit'] %}
    {%- set chunk = table['chunk_interval'] or '1 day' %}
    with

    clock as (
        select
            {{ load_time('now()', unit) }}
            - {{ time_span(retention_interval(table['retention']), unit) }} as cutoff
    ),

    -- Not into a bucket of which the rest is still kept.
    buckets as (
        select
            least(
                clock.cutoff
                {%- for bucket in dependent_rollups(table['relation']).values() %},
                {{ time_bucket(bucket, 'clock.cutoff', unit) }}
                {%- endfor %}
            ) as cutoff
        from clock
    ),

    chunks as (
        select
            {%- if unit is not none %}
            {%- set width = interval_units(chunk, unit) %}
            buckets.cutoff - mod(buckets.cutoff, {{ width }}) as boundary
            {%- else %}
            date_bin(
                '{{ chunk }}', buckets.cutoff, timestamptz '1970-01-01 00:00:00+00'
            ) as boundary
            {%- endif %}
        from buckets
    )

    select chunks.boundary::text as boundary
    from chunks
    where
        exists (
            select 1
            from {{ table['relation'] }} as kept
            where kept.{{ table['time_column'] }} < chunks.boundary
        )
{% endmacro %}
