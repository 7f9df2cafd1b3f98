{#
    An hour as text for the id of an alert, `2025-07-31T05Z`.
#}
{% macro hour_name(hour_at) -%}
    to_char({{ hour_at }} at time zone 'utc', 'YYYY-MM-DD"T"HH24"Z"')
{%- endmacro %}


{#
    An amount as readable text, `1,234,567`.
#}
{% macro whole_usd(usd) -%}
    to_char(round({{ usd }}), 'FM999,999,999,999,999,990')
{%- endmacro %}


{#
    The end of a sentence that compares a value with the mean `day` or `hour` of the trailing
    window. `multiple` is value / mean, NULL for a mean of zero.
#}
{% macro times_the_mean(multiple, unit) -%}
    {%- set days = 'the ' ~ var('alert_window_days') ~ ' days before' -%}
    coalesce(
        ', ' || round({{ multiple }}::numeric, 1)
        || ' times the mean {{ unit }} of {{ days }}',
        ', after none in {{ days }}'
    )
{%- endmacro %}
