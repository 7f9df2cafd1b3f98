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
    {#- The lock prevents a load between the check and the mark; later loads see the mark. -#}
    {#- Explicit BEGIN: after a manual `commit` the driver opens no transaction. -#}
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

    {#- The mark is written first: if a batch fails, the remaining rows are known to be
        incomplete. -#}
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
    The instant before which rows are dropped, as text; no row if there is nothing to drop.
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

    -- The boundary must not cut a bucket of a rollup.
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


{#
    Why rows before `boundary` may not be dropped yet and what to do, or none if they may: a
    rollup of this project that reads the table does not exist, or loads with such rows are
    not yet applied to it.
#}
{% macro retention_obstacle(table, boundary) -%}
    {%- for consumer in dependent_rollups(table['relation']) -%}
        {%- set answer = run_query(retention_obstacle_sql(table, consumer, boundary)) -%}
        {%- set is_missing, load_count = answer.rows[0][0], answer.rows[0][1] -%}
        {%- if is_missing -%}
            {{ return(
                consumer ~ " reads it and is not built. Run: dbt build --select "
                ~ consumer.split('.')[1]
            ) }}
        {%- elif load_count > 0 -%}
            {{ return(
                consumer ~ " has not taken in " ~ load_count ~ " loads that reach before"
                ~ " the rows to keep. Run: dbt build --select " ~ consumer.split('.')[1]
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}


{% macro retention_obstacle_sql(table, consumer, boundary) %}
    select
        to_regclass('{{ consumer }}') is null as is_missing,
        count(*) as load_count
    from (
        {{ logged_loads_sql(table.get('loads_of') or table['relation'], consumer) }}
    ) as loads
    where {{ load_time('loads.time_from', table['time_unit']) }} < {{ boundary }}
{% endmacro %}


{#
    Deletes the rows of a plain table before `boundary`, a fixed number of pages at a time.
    Each batch is one transaction: no long lock, and after an interruption the next run
    continues. Every page is visited once. Returns the number of rows.
#}
{% macro delete_in_batches(table, boundary) -%}
    {%- set relation = table['relation'] -%}
    {%- set condition = table['time_column'] ~ ' < ' ~ boundary -%}
    {%- set pages = var('retention_batch_pages', 2000) | int -%}
    {%- set ends = run_query(
        "select split_part(trim('(' from min(ctid)::text), ',', 1)::bigint,"
        ~ " split_part(trim('(' from max(ctid)::text), ',', 1)::bigint"
        ~ " from " ~ relation ~ " where " ~ condition
    ).rows[0] -%}
    {%- set deleted = namespace(count=0) -%}
    {%- if ends[0] is not none -%}
        {%- for page in range(ends[0] | int, (ends[1] | int) + 1, pages) -%}
            {%- set answer = run_query(
                "with gone as (delete from " ~ relation ~ " where " ~ condition
                ~ " and ctid >= '(" ~ page ~ ",0)'::tid and ctid < '(" ~ (page + pages)
                ~ ",0)'::tid returning 1) select count(*) from gone"
            ) -%}
            {%- set deleted.count = deleted.count + (answer.rows[0][0] | int) -%}
            {%- do run_query('commit') -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(deleted.count) }}
{%- endmacro %}


{#
    Records the result of a policy's run, or the error that stopped it; the same error is not
    written twice.
#}
{% macro record_policy_run(job_name, rows=none, error=none) -%}
    {%- if error is none -%}
        {%- do run_query(
            "insert into " ~ var('timescale_schema')
            ~ ".policy_runs (job_name, last_success_at, last_rows)"
            ~ " values ('" ~ job_name ~ "', now(), " ~ rows ~ ")"
            ~ " on conflict (job_name) do update set last_success_at = now(),"
            ~ " last_rows = excluded.last_rows, last_error = null"
        ) -%}
    {%- else -%}
        {%- do run_query(
            "insert into " ~ var('timescale_schema')
            ~ ".policy_runs as runs (job_name, last_error)"
            ~ " values ('" ~ job_name ~ "', '" ~ error | replace("'", "''") ~ "')"
            ~ " on conflict (job_name) do update set last_error = excluded.last_error"
            ~ " where runs.last_error is distinct from excluded.last_error"
        ) -%}
    {%- endif -%}
{%- endmacro %}
