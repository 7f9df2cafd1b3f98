{#
    Sets the message that dbt prints for a model, by default `code rows`, and writes `query`
    to target/run.
#}
{% macro report(code, rows, message=none, query='-- Nothing was run.') -%}
    {%- call noop_statement('main', message or code ~ ' ' ~ rows, code, rows) -%}
        {{ query }}
    {%- endcall -%}
{%- endmacro %}


{#
    Reports that nothing was computed, with the reason.
#}
{% macro report_nothing(is_empty_run) -%}
    {%- set reason = '--empty' if is_empty_run else 'nothing new' -%}
    {%- do report('CHANGED', 0, 'CHANGED 0 (' ~ reason ~ ')') -%}
{%- endmacro %}
