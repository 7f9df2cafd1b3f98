{#
    The roles that Vigil knows: who loads, who builds, who reads.
#}
{% macro project_roles() -%}
    {{ return(['vigil_loader', 'vigil_transformer', 'vigil_reader']) }}
{%- endmacro %}


{#
    Those of them that the server has: none on a server of one's own. Asked once per run and
    kept in `graph` like the edition.
#}
{% macro existing_roles() -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- if 'existing_roles' not in graph -%}
        {%- set answer = run_query(
            "select rolname from pg_roles where rolname in ('"
            ~ project_roles() | join("', '") ~ "') order by rolname"
        ) -%}
        {%- do graph.update({'existing_roles': answer.columns[0].values() | list}) -%}
    {%- endif -%}
    {{ return(graph['existing_roles']) }}
{%- endmacro %}
