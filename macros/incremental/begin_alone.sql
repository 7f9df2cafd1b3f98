{#
    Opens the transaction of a model and waits in it for a second build of the same model,
    until that has committed. A pre-hook outside the transaction says `commit`, after which
    neither dbt nor the driver begins another by itself; else the driver has begun one with
    its first statement.
#}
{% macro begin_alone(name) -%}
    {%- if pre_hooks | rejectattr('transaction') | list | length > 0 -%}
        {%- call statement('begin') -%} begin {%- endcall -%}
    {%- endif -%}
    {%- call statement('lock') -%}
        select pg_advisory_xact_lock(hashtextextended('{{ name }}', 0))
    {%- endcall -%}
{%- endmacro %}
