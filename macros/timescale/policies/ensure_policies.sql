{#
    Makes the server run the policies that a table, hypertable model or rollup declares, and
    no others of these kinds for it; what is as it should be is not touched. `table` is one
    of declared_tables, hypertable_spec or rollup_spec; `kinds` limits what is looked at
    ('retention', 'columnstore', 'reorder', 'refresh'). New jobs of the kinds in its `paused`
    are not started.
#}
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


{#
    The kinds of policies of a relation, `schema.name`, whose jobs an operator has paused.
#}
{% macro paused_policies(relation) -%}
    {{ return(run_query(
        'select live.kind from (' ~ live_policies_sql() ~ ') as live'
        ~ " where live.relation = '" ~ relation ~ "' and not live.is_scheduled"
    ).columns[0].values() | list) }}
{%- endmacro %}
