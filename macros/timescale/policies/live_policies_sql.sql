{% macro live_policies_sql() %}
    {%- if timescale_edition() != 'community' %}
    select
        null::text as job_name,
        null::text as kind,
        null::text as relation,
        null::integer as job_id,
        null::text as proc_name,
        null::boolean as is_scheduled,
        null::jsonb as policy
    where false
    {%- else %}
    select
        kinds.kind || ' ' || kinds.relation as job_name,
        kinds.kind,
        kinds.relation,
        jobs.job_id,
        jobs.proc_name::text as proc_name,
        jobs.scheduled as is_scheduled,
        jsonb_build_object('schedule_interval', to_jsonb(jobs.schedule_interval))
        || case kinds.kind
            when 'columnstore' then jsonb_build_object(
                'after', {{ live_span('compress_after') }}
            )
            when 'reorder' then jsonb_build_object('index', jobs.config -> 'index_name')
            when 'refresh' then jsonb_build_object(
                'start_offset', {{ live_span('start_offset') }},
                'end_offset', {{ live_span('end_offset') }},
                'buckets_per_batch', coalesce(jobs.config -> 'buckets_per_batch', '10')
            )
            else jsonb_build_object('drop_after', {{ live_span('drop_after') }})
                || jsonb_strip_nulls(
                    jsonb_build_object(
                        'rollups', jobs.config -> 'rollups',
                        'time_unit', jobs.config -> 'time_unit'
                    )
                )
        end as policy
    from timescaledb_information.jobs
    cross join lateral (
        select
            case jobs.proc_name
                when 'policy_compression' then 'columnstore'
                when 'policy_reorder' then 'reorder'
                when 'policy_refresh_continuous_aggregate' then 'refresh'
                else 'retention'
            end as kind,
            coalesce(
                jobs.hypertable_schema || '.' || jobs.hypertable_name,
                jobs.config ->> 'hypertable'
            ) as relation
    ) as kinds
    where
        (
            jobs.hypertable_name is not null
            and jobs.proc_name in (
                'policy_retention',
                'policy_compression',
                'policy_reorder',
                'policy_refresh_continuous_aggregate'
            )
        )
        or (
            jobs.proc_schema = '{{ var('timescale_schema') }}'
            and jobs.proc_name = 'apply_retention'
        )
    {%- endif %}
{% endmacro %}


{#
    A span of a job's config as jsonb_span writes it.
#}
{% macro live_span(key) -%}
    case jsonb_typeof(jobs.config -> '{{ key }}')
        when 'string' then to_jsonb((jobs.config ->> '{{ key }}')::interval)
        else coalesce(jobs.config -> '{{ key }}', 'null')
    end
{%- endmacro %}
