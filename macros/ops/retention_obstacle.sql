{#
    Why rows before `boundary` may not go yet, with the way out; none when they may: a
    rollup of this project that reads the table is not there, or has loads to take in that
    reach into what would go.
#}
{% macro retention_obstacle(table, boundary) -%}
    {%- for consumer in dependent_rollups(table['relation']) -%}
        {%- set answer = run_query(retention_obstacle_sql(table, consumer, boundary)) -%}
        {%- set is_missing, load_count = answer.rows[0][0], answer.rows[0][1] -%}
        {%- if is_missing -%}
            {{ return(
                consumer ~ " reads it and is not built. Run: dbt build --select "
                ~ consumer.split('.')[1]
            ) }}
        {%- elif load_count > 0 -%}
            {{ return(
                consumer ~ " has not taken in " ~ load_count ~ " loads that reach before"
                ~ " the rows to keep. Run: dbt build --select " ~ consumer.split('.')[1]
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}


{% macro retention_obstacle_sql(table, consumer, boundary) %}
    select
        to_regclass('{{ consumer }}') is null as is_missing,
        count(loads.load_id) as load_count
    from (
        {{ unapplied_loads(consumer, table.get('loads_of') or table['relation']) }}
    ) as loads
    where {{ load_time('loads.time_from', table['time_unit']) }} < {{ boundary }}
{% endmacro %}
