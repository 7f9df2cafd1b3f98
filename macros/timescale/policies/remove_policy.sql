{#
    Removes the job of a policy that is no longer declared. No row and no chunk is touched.
#}
{% macro remove_policy_sql(live) %}
    select delete_job({{ live['job_id'] }});
{% endmacro %}
