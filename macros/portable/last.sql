{#
    Aggregate: the value of the row that comes last by `order_by`, a list of expressions.
    Ties are broken as in `first`.
#}
{% macro last(value, order_by) -%}
    {%- do assert_order('last', order_by) -%}
    {%- if timescale_edition() == 'postgres' -%}
        (array_agg(
            {{ value }} order by {{ (order_by + [value]) | join(' desc, ') }} desc
        ))[1]
    {%- else -%}
        last({{ value }}, ({{ (order_by + [value]) | join(', ') }}))
    {%- endif -%}
{%- endmacro %}
