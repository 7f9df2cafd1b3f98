{#
    Turns a table into a hypertable. An integer time needs to be told what "now" is, for
    policies and continuous aggregates: a function beside the table.
#}
{% macro create_hypertable_sql(table) %}
    {%- set unit = table['time_unit'] %}
    select create_hypertable(
        '{{ table['relation'] }}',
        by_range(
            '{{ table['time_column'] }}',
            {{ time_span(table['chunk_interval'], unit) }}
        ),
        create_default_indexes => false,
        migrate_data => true
    );
    {%- if unit is not none %}
    create or replace function {{ table['schema'] }}.now_{{ unit }}() returns bigint
    language sql stable as $$
        select floor(
            extract(epoch from now()) * {{ interval_units('1 second', unit) }}
        )::bigint
    $$;
    select set_integer_now_func(
        '{{ table['relation'] }}', '{{ table['schema'] }}.now_{{ unit }}'
    );
    {%- endif %}
{% endmacro %}
