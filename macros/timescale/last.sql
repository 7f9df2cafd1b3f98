{% macro last(value, order_by) -%}
    {%- do assert_order('last', order_by) -%}
    {%- if timescale_edition() != 'postgres' and order_by | length == 1 -%}
        last({{ value }}, {{ order_by[0] }})
    {%- else -%}
        {#- The same order as in `first`, so that the server sorts once for both. -#}
        (array_agg({{ value }} order by {{ order_by | join(', ') }}))[count(*)]
    {%- endif -%}
{%- endmacro %}
