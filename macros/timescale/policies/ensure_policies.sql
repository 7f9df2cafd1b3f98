{#
    Makes the server run the policies that a table, hypertable model or rollup declares, and
    no others of these kinds for it; what is as it should be is not touched. `table` is one
    of declared_tables, hypertable_spec or rollup_spec; `kinds` limits what is looked at
    ('retention', 'columnstore', 'reorder', 'refresh').
#}
{% macro ensure_policies(table, kinds=none) -%}
    {%- set relation = table.get('relation') or table.get('consumer') -%}
    {%- set found = describe_policies([table], kinds) -%}
    {%- for change in policy_changes(found, [relation]) -%}
        {%- do log(relation ~ ': ' ~ change['summary'], info=true) -%}
        {%- do run_query(change['sql']) -%}
    {%- endfor -%}
{%- endmacro %}
