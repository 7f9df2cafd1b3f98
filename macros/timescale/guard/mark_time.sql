{% macro mark_time(expression, unit=none) -%}
    {%- if unit is none -%}
        ({{ expression }})::timestamptz
    {%- else -%}
        timestamptz '1970-01-01 00:00:00+00'
        + ({{ expression }}) * interval '1 microsecond'
        * {{ 1000000 // interval_units('1 second', unit) }}
    {%- endif -%}
{%- endmacro %}


{% macro load_time(column, unit) -%}
    {%- if unit is none -%}
        {{ column }}
    {%- else -%}
        floor(
            extract(epoch from {{ column }}) * {{ interval_units('1 second', unit) }}
        )::bigint
    {%- endif -%}
{%- endmacro %}
