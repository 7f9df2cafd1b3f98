{% macro time_span(interval, unit=none) -%}
    {%- if unit is not none -%}
        {{ interval_units(interval, unit) }}::bigint
    {%- else -%}
        interval '{{ interval }}'
    {%- endif -%}
{%- endmacro %}
