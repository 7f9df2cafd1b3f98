{#
    As in dbt, with two more conditions for the `where` of a test: recently_touched(c) holds
    for times in column `c` that the newest loads of ticks touched, touched_days(c, unit) for
    times on days that the newest loads of fills touched. A test that reads all ticks or all
    positions would take longer every day.

    A model's `meta.tested_rows` is the default `where` of its tests, except for tests that
    read the catalog instead of rows.
#}
{% macro get_where_subquery(relation) -%}
    {%- set where = [config.get('where') or tested_rows(model)] -%}
    {%- if not where[0] -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- if execute -%}
        {%- for call, column in modules.re.findall(
            '(\\brecently_touched\\((\\w+)\\))', where[0]
        ) -%}
            {%- do where.append(where.pop().replace(call, recently_touched(column))) -%}
        {%- endfor -%}
        {%- for call, column, unit in modules.re.findall(
            '(\\btouched_days\\((\\w+), (\\w+)\\))', where[0]
        ) -%}
            {%- do where.append(where.pop().replace(call, touched_days(column, unit))) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return('(select * from ' ~ relation ~ ' where ' ~ where[0] ~ ') dbt_subquery') }}
{%- endmacro %}


{#
    The `meta.tested_rows` of the model that a test is attached to, or none.
#}
{% macro tested_rows(test) -%}
    {%- if not execute or test.test_metadata.name == 'is_primary_key' -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set tested = graph.nodes.get(test.attached_node) -%}
    {{ return(none if tested is none else tested.config.meta.get('tested_rows')) }}
{%- endmacro %}
