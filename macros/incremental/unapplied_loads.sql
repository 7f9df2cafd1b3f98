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
