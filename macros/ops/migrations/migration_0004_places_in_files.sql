{% macro migration_0004_places_in_files() -%}
    {{ return([]) }}
{%- endmacro %}
