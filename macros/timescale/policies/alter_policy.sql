{% macro alter_policy_sql(policy, live) %}
    select alter_job(
        jobs.job_id,
        schedule_interval => {{ span_literal(policy['policy']['schedule_interval']) }},
        config => jobs.config || {{ policy_config(policy) }}
    )
    from timescaledb_information.jobs
    where jobs.job_id = {{ live['job_id'] }};
{% endmacro %}
