{% macro create_hypertable_sql(table) %}
    select create_hypertable(
        '{{ table['relation'] }}',
        by_range(
            '{{ table['time_column'] }}',
            {{ time_span(table['chunk_interval'], table['time_unit']) }}
        ),
        create_default_indexes => false,
        migrate_data => true
    );
    {%- if table['time_unit'] is not none %}
    {{ set_integer_now_sql(table) }}
    {%- endif %}
{% endmacro %}
