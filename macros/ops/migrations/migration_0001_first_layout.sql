{#
    What release 0.1.0 made, before versions were recorded. Nothing to change.
#}
{% macro migration_0001_first_layout() -%}
    {{ return([]) }}
{%- endmacro %}
