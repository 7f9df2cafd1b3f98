{#
    The models of the project, as nodes, ordered by unique_id. dbt makes a dictionary of each
    node that is taken out of `graph`: data tests, which most nodes are, stay inside.
#}
{% macro declared_models(materializations=none) -%}
    {%- set found = [] -%}
    {%- for id in graph.nodes | sort if id.startswith('model.') -%}
        {%- set node = graph.nodes[id] -%}
        {%- if materializations is none or node.config.materialized in materializations -%}
            {%- do found.append(node) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
