{#
    Stops with a message unless `order_by` is a non-empty list of expressions.
#}
{% macro assert_order(caller_name, order_by) -%}
    {%- if order_by is string or order_by is not sequence or order_by | length == 0 -%}
        {%- do exceptions.raise_compiler_error(
            caller_name ~ "(): order_by must be a list of expressions, as in"
            ~ " ['time', 'event_index']; it is " ~ order_by ~ "."
        ) -%}
    {%- endif -%}
{%- endmacro %}
