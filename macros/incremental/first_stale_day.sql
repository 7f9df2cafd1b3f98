{% macro first_stale_day(back=0, unit='date') -%}
    {%- if back is not integer or back < 0 -%}
        {%- do exceptions.raise_compiler_error(
            "first_stale_day(back=" ~ back ~ "): back must be a whole number of days."
        ) -%}
    {%- endif -%}
    {%- set day = "coalesce(nullif(current_setting('vigil.first_stale_day', true), ''),"
        ~ " '0001-01-01')::date" ~ (' - ' ~ back if back > 0 else '') -%}
    {%- if unit == 'date' -%}
        ({{ day }})
    {%- elif unit == 'timestamptz' -%}
        (({{ day }})::timestamp at time zone 'utc')
    {%- elif unit == 'ms' -%}
        (({{ day }} - date '1970-01-01') * bigint '86400000')
    {%- else -%}
        {%- do exceptions.raise_compiler_error(
            "first_stale_day(unit='" ~ unit ~ "'): unit must be one of date, timestamptz, ms."
        ) -%}
    {%- endif -%}
{%- endmacro %}
