{% macro remove_policy_sql(live) %}
    select delete_job({{ live['job_id'] }});
{% endmacro %}
