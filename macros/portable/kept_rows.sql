{#
    Stands behind a SELECT of `columns` and is nothing by itself. When only the days from
    some day on are stale, the `sync` strategy replaces it by a UNION with the model's own
    rows of the `back` days before, which stay as they are.
#}
{% macro kept_rows(columns, back) -%}
    /* kept_rows {{ back }}: {{ columns | join(', ') }} */
{%- endmacro %}
