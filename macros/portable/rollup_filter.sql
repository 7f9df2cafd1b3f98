{#
    Stands in the WHERE of every rollup and is true by itself. Where the server does not
    maintain the rollup, the materialization replaces it by the time ranges to recompute,
    so that a refresh reads nothing else.
#}
{% macro rollup_filter(time_column) -%}
    true /* rollup_filter {{ time_column }} */
{%- endmacro %}


{#
    Puts a condition in the place of rollup_filter(): in parentheses, and on one line, so
    that it stays whole in a line comment too.
#}
{% macro fill_in_rollup_filter(query, time_column, condition) -%}
    {{ return(query | replace(
        rollup_filter(time_column), '(' ~ condition.split() | join(' ') ~ ')'
    )) }}
{%- endmacro %}
