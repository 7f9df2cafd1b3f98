{#
    A human interval as TimescaleDB wants it for a table's time: a whole number for an
    integer time (`unit` is given), an interval otherwise.
#}
{% macro time_span(interval, unit=none) -%}
    {%- if unit is not none -%}
        {{ interval_units(interval, unit) }}::bigint
    {%- else -%}
        interval '{{ interval }}'
    {%- endif -%}
{%- endmacro %}
