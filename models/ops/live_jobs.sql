{{ config(unique_key='job_id') }}
{#
    On the Community edition the jobs of the server's scheduler, elsewhere the policies
    that dbt runs instead.
#}
with

{%- if timescale_edition() == 'community' %}

live as (

    {{ live_jobs_sql() | trim }}

),

job_stats as (

    select * from timescaledb_information.job_stats

),

failing as (

    {{ failing_jobs_sql() | trim }}

),

columnstores as (

    select
        hypertables.hypertable_schema || '.' || hypertables.hypertable_name as relation,
        format(
            '%I.%I', hypertables.hypertable_schema, hypertables.hypertable_name
        )::regclass as storage
    from timescaledb_information.hypertables
    where hypertables.compression_enabled
    union all
    select
        aggregates.view_schema || '.' || aggregates.view_name as relation,
        format(
            '%I.%I',
            aggregates.materialization_hypertable_schema,
            aggregates.materialization_hypertable_name
        )::regclass as storage
    from timescaledb_information.continuous_aggregates as aggregates
    where aggregates.compression_enabled

),

jobs as (

    select
        live.job_id,
        live.job_name,
        live.kind,
        live.relation as hypertable,
        live.policy,
        not live.is_scheduled as is_paused,
        case
            when isfinite(job_stats.last_successful_finish)
                then job_stats.last_successful_finish
        end as last_success_at,
        job_stats.last_run_status,
        failing.last_error,
        failing.failing_since,
        case
            when isfinite(job_stats.next_start) then job_stats.next_start
        end as next_start_at,
        sizes.before_compression_total_bytes as bytes_before,
        sizes.after_compression_total_bytes as bytes_after
    from live
    left join job_stats
        on live.job_id = job_stats.job_id
    left join failing
        on live.job_id = failing.job_id
    left join columnstores
        on
            live.relation = columnstores.relation
            and live.kind = 'columnstore'
    left join lateral hypertable_columnstore_stats(columnstores.storage) as sizes
        on true

)
{%- else %}

declared as (

    select * from {{ source('ops', 'retention_jobs') }}

),

runs as (

    select * from {{ source('ops', 'policy_runs') }}

),

jobs as (

    select
        row_number() over (order by declared.job_name)::integer as job_id,
        declared.job_name,
        split_part(declared.job_name, ' ', 1) as kind,
        declared.hypertable,
        declared.policy,
        false as is_paused,
        runs.last_success_at,
        case
            when runs.last_error is not null then 'Failed'
            when runs.last_success_at is not null then 'Success'
        end as last_run_status,
        runs.last_error,
        null::timestamptz as failing_since,
        null::timestamptz as next_start_at,
        null::bigint as bytes_before,
        null::bigint as bytes_after
    from declared
    left join runs
        on declared.job_name = runs.job_name
    where declared.enabled

)
{%- endif %}

select * from jobs
