{% macro time_bucket(interval, column, unit=none) -%}
    {%- if timescale_edition() == 'postgres' -%}
        {{- plain__time_bucket(interval, column, unit) -}}
    {%- else -%}
        {{- timescale__time_bucket(interval, column, unit) -}}
    {%- endif -%}
{%- endmacro %}


{#
    time_bucket with TimescaleDB's own function.
#}
{% macro timescale__time_bucket(interval, column, unit) -%}
    {%- if unit is not none -%}
        time_bucket({{ interval_units(interval, unit) }}::bigint, {{ column }})
    {%- else -%}
        time_bucket(interval '{{ interval }}', {{ column }})
    {%- endif -%}
{%- endmacro %}


{#
    time_bucket without TimescaleDB.
#}
{% macro plain__time_bucket(interval, column, unit) -%}
    {%- if unit is not none -%}
        {%- set width = interval_units(interval, unit) -%}
        {#- Twice modulo, so that times before 1970 round down as well. -#}
        {{ column }} - mod(mod({{ column }}, {{ width }}) + {{ width }}, {{ width }})
    {%- elif modules.re.search('month|year', interval) -%}
        {%- if interval | trim not in ['1 month', '1 year'] -%}
            {%- do exceptions.raise_compiler_error(
                "time_bucket('" ~ interval ~ "'): without TimescaleDB only '1 month' and"
                ~ " '1 year' are possible beyond weeks."
            ) -%}
        {%- endif -%}
        date_trunc('{{ interval.split()[1] }}', {{ column }}, 'UTC')
    {%- else -%}
        {#- The origin is TimescaleDB's. -#}
        date_bin('{{ interval }}', {{ column }}, timestamptz '2000-01-03 00:00:00+00')
    {%- endif -%}
{%- endmacro %}
