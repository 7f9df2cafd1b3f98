{% macro dependent_rollups(relation) -%}
    {%- set found = {} -%}
    {%- set parents = [] -%}
    {%- for node in graph.sources.values() -%}
        {%- if node.schema ~ '.' ~ node.identifier == relation -%}
            {%- do parents.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for node in declared_models() -%}
        {%- if node.schema ~ '.' ~ node.alias == relation -%}
            {%- do parents.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for node in declared_models(['continuous_aggregate']) -%}
        {%- if node.depends_on.nodes | select('in', parents) | list | length > 0 -%}
            {%- set settings = node.config.get('meta', {}).get('timescale', {}) -%}
            {%- do found.update({
                node.schema ~ '.' ~ node.alias: settings.get('bucket_interval')
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
