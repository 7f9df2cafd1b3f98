{#
    Aggregate: the value of the row that comes first by `order_by`, a list of expressions
    that are never NULL. If rows tie on all of them, any one of their values is returned: end
    the list with an expression that makes the order unique, or with the value itself.

    TimescaleDB's own first() takes one expression. A row value works only in a serial plan:
    a parallel plan fails with "input of anonymous composite types is not implemented". So
    several expressions use an ordered aggregate on every edition.
#}
{% macro first(value, order_by) -%}
    {%- do assert_order('first', order_by) -%}
    {%- if timescale_edition() != 'postgres' and order_by | length == 1 -%}
        first({{ value }}, {{ order_by[0] }})
    {%- else -%}
        (array_agg({{ value }} order by {{ order_by | join(', ') }}))[1]
    {%- endif -%}
{%- endmacro %}


{% macro assert_order(caller_name, order_by) -%}
    {%- if order_by is string or order_by is not sequence or order_by | length == 0 -%}
        {%- do exceptions.raise_compiler_error(
            caller_name ~ "(): order_by must be a list of expressions, as in"
            ~ " ['time', 'event_index']; it is " ~ order_by ~ "."
        ) -%}
    {%- endif -%}
{%- endmacro %}
