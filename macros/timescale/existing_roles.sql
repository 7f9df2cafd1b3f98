{% macro existing_roles() -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if 'existing_roles' not in graph -%}
        {%- set answer = run_query(
            "select rolname from pg_roles where rolname in ('"
            ~ var('timescale_roles', []) | join("', '") ~ "') order by rolname"
        ) -%}
        {%- do graph.update({'existing_roles': answer.columns[0].values() | list}) -%}
    {%- endif -%}
    {{ return(graph['existing_roles']) }}
{%- endmacro %}
