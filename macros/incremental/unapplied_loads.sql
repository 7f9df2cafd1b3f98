{% macro unapplied_loads(consumer, relation) %}
    select
        load_log.load_id,
        load_log.time_from,
        load_log.time_to,
        load_log.rows_loaded
    from ingestion.load_log
    where
        load_log.relation = '{{ relation }}'
        and not exists (
            select 1
            from ingestion.applied_loads
            where
                applied_loads.consumer = '{{ consumer }}'
                and applied_loads.load_id = load_log.load_id
        )
{% endmacro %}


{#
    The load log, for macros/timescale: see logged_loads_sql.
#}
{% macro postgres__logged_loads_sql(relation, consumer) %}
    select
        load_log.time_from,
        load_log.time_to,
        load_log.finished_at
    from ingestion.load_log
    {%- if consumer is none %}
    where load_log.relation = '{{ relation }}'
    {%- else %}
    where
        load_log.load_id in (
            select loads.load_id
            from ({{ unapplied_loads(consumer, relation) }}) as loads
        )
    {%- endif %}
{% endmacro %}
