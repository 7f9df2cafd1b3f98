{#
    Stands in a WHERE and is true by itself. When only the rows of what new loads touched
    are stale, the `sync` strategy replaces it by a condition on `column` that holds for
    what they touched (see loads_spec).
#}
{% macro touched_rows(column) -%}
    true /* touched_rows {{ column }} */
{%- endmacro %}
