{% macro mark_loads_applied(consumer, load_ids) %}
    {%- if load_ids | length > 0 -%}
        {%- do run_query(
            "insert into ingestion.applied_loads (consumer, load_id)"
            ~ " select '" ~ consumer ~ "', unnest('{" ~ load_ids | join(',')
            ~ "}'::bigint[]) on conflict do nothing"
        ) -%}
    {%- endif -%}
{% endmacro %}
