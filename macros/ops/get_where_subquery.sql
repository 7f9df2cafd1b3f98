{#
    dbt's own, with one more thing that the `where` of a test can say: recently_touched(c)
    holds for the times in column `c` that the newest loads of ticks touched. A test that
    read all ticks, or all candles of 100 ms, would take longer with every day.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') -%}
    {%- if where is none or where == '' -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set call = '\\brecently_touched\\((\\w+)\\)' -%}
    {%- set mention = modules.re.search(call, where) -%}
    {%- if execute and mention -%}
        {%- set where = modules.re.sub(call, recently_touched(mention.group(1)), where) -%}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery') }}
{%- endmacro %}
