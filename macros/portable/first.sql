{#
    Aggregate: the value of the row that comes first by `order_by`, a list of expressions.
    Rows that tie on all of them are told apart by the value, so that the result does not
    depend on the edition or the plan. Write order expressions that are never NULL.
#}
{% macro first(value, order_by) -%}
    {%- do assert_order('first', order_by) -%}
    {%- if timescale_edition() == 'postgres' -%}
        (array_agg({{ value }} order by {{ (order_by + [value]) | join(', ') }}))[1]
    {%- else -%}
        first({{ value }}, ({{ (order_by + [value]) | join(', ') }}))
    {%- endif -%}
{%- endmacro %}
