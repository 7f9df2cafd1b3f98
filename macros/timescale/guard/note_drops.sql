{% macro note_drops(table) -%}
    {%- set answer = run_query(unnoted_drop_sql(table)) -%}
    {%- if answer.rows | length > 0 and answer.rows[0][0] is not none -%}
        {%- do set_retention_mark(
            table['relation'], time_literal(answer.rows[0][0])
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro note_drops_of_rollup(spec) -%}
    {%- if rollup_record_sql(spec['consumer']) is not none
        and dependent_rollups(spec['consumer']) | length > 0
    -%}
        {%- do note_drops({
            'relation': spec['consumer'],
            'time_column': spec['bucket'],
            'time_unit': spec['time_unit'],
        }) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The instant before which rows are gone, if no mark records it yet; else NULL.
#}
{% macro unnoted_drop_sql(table) %}
    {%- set unit = table['time_unit'] %}
    {%- set time_column = table['time_column'] %}
    with

    marks as (
        select coalesce(max(retention_marks.dropped_before), '-infinity') as instant
        from {{ var('timescale_schema') }}.retention_marks
        where retention_marks.relation = '{{ table['relation'] }}'
    ),

    -- The earliest loaded row that is not before the mark.
    logged as (
        select min(load_log.time_from) as time_from
        from ({{ logged_loads_sql(table['relation']) }}) as load_log
        cross join marks
        where load_log.time_from >= marks.instant
    ),

    missing as (
        select logged.time_from
        from logged
        where
            logged.time_from is not null
            and not exists (
                select 1
                from {{ table['relation'] }} as raw
                where raw.{{ time_column }} = {{ load_time('logged.time_from', unit) }}
            )
    ),

    -- The table is read only if that row is gone. If no row is left, all logged loads are
    -- gone.
    by_hand as (
        select
            coalesce(
                (
                    select {{ mark_time('min(raw.' ~ time_column ~ ')', unit) }}
                    from {{ table['relation'] }} as raw
                    cross join marks
                    where {{ mark_time('raw.' ~ time_column, unit) }} >= marks.instant
                ),
                (
                    select max(load_log.time_to) + interval '1 microsecond'
                    from ({{ logged_loads_sql(table['relation']) }}) as load_log
                )
            ) as instant
        from missing
    ),

    found as (
        select by_hand.instant from by_hand
        {%- if timescale_edition() == 'community' %}
        union all
        select job_drops.instant
        from ({{ retention_job_drops_sql(table) }}) as job_drops
        {%- endif %}
        {%- set record = rollup_record_sql(table['relation']) %}
        {%- if record is not none %}
        union all
        select rollup_drops.instant
        from ({{ rollup_drops_sql(table, record) }}) as rollup_drops
        {%- endif %}
    )

    select max(found.instant)::text as dropped_before
    from found
    cross join marks
    where found.instant > marks.instant
{% endmacro %}


{#
    The instant up to which the server's retention job has dropped rows: each run drops the
    chunks that end before drop_after, so the chunk that contains this instant still has all
    its rows. A run counts only if rows so old were loaded before it; a rollup has no loads,
    so every run counts. The type checks are needed because the server may evaluate these
    expressions for jobs of other tables before it filters them out.
#}
{% macro retention_job_drops_sql(table) %}
    {%- set unit = table['time_unit'] %}
    select
        coalesce(
            (
                select
                    {%- if unit is none %}
                    chunks.range_start
                    {%- else %}
                    {{ mark_time('chunks.range_start_integer', unit) }}
                    {%- endif %}
                from timescaledb_information.chunks
                where
                    chunks.hypertable_schema = jobs.hypertable_schema
                    and chunks.hypertable_name = jobs.hypertable_name
                    {%- if unit is none %}
                    and chunks.range_start <= cutoff.instant
                    and chunks.range_end > cutoff.instant
                    {%- else %}
                    and {{ mark_time('chunks.range_start_integer', unit) }} <= cutoff.instant
                    and {{ mark_time('chunks.range_end_integer', unit) }} > cutoff.instant
                    {%- endif %}
                limit 1
            ),
            cutoff.instant
        ) as instant
    from timescaledb_information.jobs
    inner join timescaledb_information.job_stats
        on jobs.job_id = job_stats.job_id
    cross join lateral (
        select
            {%- if unit is none %}
            job_stats.last_successful_finish
            - case jsonb_typeof(jobs.config -> 'drop_after')
                when 'string' then (jobs.config ->> 'drop_after')::interval
            end
            {%- else %}
            job_stats.last_successful_finish
            - case jsonb_typeof(jobs.config -> 'drop_after')
                when 'number' then (jobs.config ->> 'drop_after')::bigint
            end
            * interval '1 microsecond'
            * {{ 1000000 // interval_units('1 second', unit) }}
            {%- endif %} as instant
    ) as cutoff
    where
        jobs.proc_name = 'policy_retention'
        and jobs.hypertable_schema || '.' || jobs.hypertable_name
        = '{{ table['relation'] }}'
        and job_stats.total_successes > 0
        and isfinite(job_stats.last_successful_finish)
        and (
            not exists (
                select 1
                from ({{ logged_loads_sql(table['relation']) }}) as load_log
            )
            or exists (
                select 1
                from ({{ logged_loads_sql(table['relation']) }}) as load_log
                where
                    load_log.time_from < cutoff.instant
                    and load_log.finished_at < job_stats.last_successful_finish
            )
        )
{% endmacro %}


{#
    The instant before which a rollup has lost rows since its first bucket was recorded. If
    no row is left, it is the end of its loads.
#}
{% macro rollup_drops_sql(table, record) %}
    {%- set parts = table['relation'].split('.') %}
    {%- set storage = bucket_storage(
        api.Relation.create(schema=parts[0], identifier=parts[1])
    ) %}
    select
        coalesce(
            found.first_bucket, record.loaded_to + interval '1 microsecond'
        ) as instant
    from ({{ record }}) as record
    cross join (
        select {{ mark_time(
            'min(rollup.' ~ table['time_column'] ~ ')', table['time_unit']
        ) }} as first_bucket
        from {{ storage }} as rollup
    ) as found
    where
        (found.first_bucket > record.first_bucket or found.first_bucket is null)
        and record.first_bucket is not null
{% endmacro %}
