{% macro ensure_policies(table, kinds=none) -%}
    {%- set relation = table.get('relation') or table.get('consumer') -%}
    {%- set found = describe_policies([table], kinds) -%}
    {%- for change in policy_changes(
        found, [relation], table.get('paused') or []
    ) -%}
        {%- do log(relation ~ ': ' ~ change['summary'], info=true) -%}
        {%- do run_query(change['sql']) -%}
    {%- endfor -%}
{%- endmacro %}


{% macro paused_policies(relation) -%}
    {{ return(run_query(
        'select live.kind from (' ~ live_policies_sql() ~ ') as live'
        ~ " where live.relation = '" ~ relation ~ "' and not live.is_scheduled"
    ).columns[0].values() | list) }}
{%- endmacro %}
