{% macro day_to_date(day) -%}
    (to_timestamp({{ day }} / 1000) at time zone 'utc')::date
{%- endmacro %}
