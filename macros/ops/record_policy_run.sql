{#
    Writes down what a run of a policy did, or the error that kept it from doing it; an
    error that stands there already is not written again.
#}
{% macro record_policy_run(job_name, rows=none, error=none) -%}
    {%- if error is none -%}
        {%- do run_query(
            "insert into ops.policy_runs (job_name, last_success_at, last_rows)"
            ~ " values ('" ~ job_name ~ "', now(), " ~ rows ~ ")"
            ~ " on conflict (job_name) do update set last_success_at = now(),"
            ~ " last_rows = excluded.last_rows, last_error = null"
        ) -%}
    {%- else -%}
        {%- do run_query(
            "insert into ops.policy_runs as runs (job_name, last_error)"
            ~ " values ('" ~ job_name ~ "', '" ~ error | replace("'", "''") ~ "')"
            ~ " on conflict (job_name) do update set last_error = excluded.last_error"
            ~ " where runs.last_error is distinct from excluded.last_error"
        ) -%}
    {%- endif -%}
{%- endmacro %}
