{#
    A SELECT of all jobs in this database except TimescaleDB's own: the policies of
    live_policies_sql, and jobs added with add_job, as kind `action`. Community only.
#}
{% macro live_jobs_sql() %}
    with policies as ({{ live_policies_sql() }})

    select policies.*
    from policies
    union all
    select
        'action ' || jobs.proc_schema || '.' || jobs.proc_name as job_name,
        'action' as kind,
        null as relation,
        jobs.job_id,
        jobs.proc_name::text as proc_name,
        jobs.scheduled as is_scheduled,
        jsonb_build_object(
            'schedule_interval', to_jsonb(jobs.schedule_interval), 'config', jobs.config
        ) as policy
    from timescaledb_information.jobs
    where
        -- Ids below 1000 are TimescaleDB's own jobs.
        jobs.job_id >= 1000
        and jobs.job_id not in (select policies.job_id from policies)
{% endmacro %}


{#
    A SELECT of the jobs whose last run failed: job_id, job_name, is_scheduled, last_error
    and failing_since, the first failure after the last success that is still on record.
#}
{% macro failing_jobs_sql() %}
    select
        live.job_id,
        live.job_name,
        live.is_scheduled,
        coalesce(latest.err_message, 'the server has kept no message') as last_error,
        coalesce(
            (
                select min(job_errors.start_time)
                from timescaledb_information.job_errors
                where
                    job_errors.job_id = live.job_id
                    and job_errors.start_time > job_stats.last_successful_finish
            ),
            job_stats.last_run_started_at
        ) as failing_since
    from ({{ live_jobs_sql() }}) as live
    inner join timescaledb_information.job_stats
        on live.job_id = job_stats.job_id
    left join lateral (
        select job_errors.err_message
        from timescaledb_information.job_errors
        where job_errors.job_id = live.job_id
        order by job_errors.finish_time desc
        limit 1
    ) as latest
        on true
    where job_stats.last_run_status = 'Failed'
{% endmacro %}


{% macro warn_of_failing_jobs() -%}
    {%- for row in run_query(
        'select job_id, job_name, last_error, failing_since::text from ('
        ~ failing_jobs_sql() ~ ') as failing where is_scheduled order by job_id'
    ).rows -%}
        {%- do exceptions.warn(
            "Job " ~ row[0] ~ " of the server (" ~ row[1] ~ ") has failed since " ~ row[3]
            ~ ": " ~ row[2] ~ ". To try it at once: call run_job("
            ~ row[0] ~ ");"
        ) -%}
    {%- endfor -%}
{%- endmacro %}
