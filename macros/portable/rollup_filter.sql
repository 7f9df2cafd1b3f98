{#
    Stands in the WHERE of every rollup and is true by itself. Where the server does not
    maintain the rollup, the materialization replaces it by the time ranges to recompute,
    so that a refresh reads nothing else.
#}
{% macro rollup_filter(time_column) -%}
    true /* rollup_filter {{ time_column }} */
{%- endmacro %}
