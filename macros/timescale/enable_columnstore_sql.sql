{#
    Turns on the columnstore of a hypertable and the policy that moves chunks into it.
#}
{% macro enable_columnstore_sql(table) %}
    {%- set columnstore = table['columnstore'] %}
    alter table {{ table['relation'] }} set (
        timescaledb.enable_columnstore,
        timescaledb.segmentby = '{{ columnstore['segment_by'] | join(', ') }}',
        timescaledb.orderby = '{{ columnstore['order_by'] | join(', ') }}'
    );
    call add_columnstore_policy(
        '{{ table['relation'] }}',
        after => {{ time_span(columnstore['after'], table['time_unit']) }}
    );
{% endmacro %}
