{#
    Sets the message that dbt prints of a model, `code rows` if it is none, and writes what
    was run to target/run.
#}
{% macro report(code, rows, message=none, query='-- Nothing was run.') -%}
    {%- call noop_statement('main', message or code ~ ' ' ~ rows, code, rows) -%}
        {{ query }}
    {%- endcall -%}
{%- endmacro %}


{#
    Says that nothing was computed, and why.
#}
{% macro report_nothing(is_empty_run) -%}
    {%- set reason = '--empty' if is_empty_run else 'nothing new' -%}
    {%- do report('CHANGED', 0, 'CHANGED 0 (' ~ reason ~ ')') -%}
{%- endmacro %}
