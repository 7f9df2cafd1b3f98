{#
    An hour as ids have it, `2025-07-31T05Z`.
#}
{% macro hour_name(hour_at) -%}
    to_char({{ hour_at }} at time zone 'utc', 'YYYY-MM-DD"T"HH24"Z"')
{%- endmacro %}


{#
    An amount as people read it, `1,234,567`.
#}
{% macro whole_usd(usd) -%}
    to_char(round({{ usd }}), 'FM999,999,999,999,999,990')
{%- endmacro %}


{#
    How many times the mean `day` or `hour` of the trailing window something is, as the end
    of a sentence; NULL stands for a mean of zero.
#}
{% macro times_the_mean(multiple, unit) -%}
    {%- set days = 'the ' ~ var('alert_window_days') ~ ' days before' -%}
    coalesce(
        ', ' || round({{ multiple }}::numeric, 1)
        || ' times the mean {{ unit }} of {{ days }}',
        ', after none in {{ days }}'
    )
{%- endmacro %}
