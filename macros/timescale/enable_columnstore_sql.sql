{% macro enable_columnstore_sql(table) %}
    {%- set columnstore = table['columnstore'] %}
    alter table {{ table['relation'] }} set (
        timescaledb.enable_columnstore
        {%- if columnstore.get('segment_by') is not none %},
        timescaledb.segmentby = '{{ columnstore['segment_by'] | join(', ') }}'
        {%- endif %}
        {%- if columnstore.get('order_by') is not none %},
        timescaledb.orderby = '{{ columnstore['order_by'] | join(', ') }}'
        {%- endif %}
    );
{% endmacro %}
