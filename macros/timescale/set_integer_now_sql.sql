{% macro set_integer_now_sql(table) %}
    {%- set unit = table['time_unit'] %}
    create or replace function {{ table['schema'] }}.now_{{ unit }}() returns bigint
    language sql stable as $$
        select floor(
            extract(epoch from now()) * {{ interval_units('1 second', unit) }}
        )::bigint
    $$;
    select set_integer_now_func(
        '{{ table['relation'] }}',
        '{{ table['schema'] }}.now_{{ unit }}',
        replace_if_exists => true
    );
{% endmacro %}
