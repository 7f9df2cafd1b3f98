{% macro dependent_rollups(relation) -%}
    {%- set found = {} -%}
    {%- set parents = [] -%}
    {%- for node in graph.sources.values() -%}
        {%- if node.schema ~ '.' ~ node.identifier == relation -%}
            {%- do parents.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' -%}
        {%- if node.schema ~ '.' ~ node.alias == relation -%}
            {%- do parents.append(node.unique_id) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() | sort(attribute='unique_id')
        if node.resource_type == 'model'
        and node.config.materialized == 'continuous_aggregate'
    -%}
        {%- if node.depends_on.nodes | select('in', parents) | list | length > 0 -%}
            {%- set settings = node.config.get('meta', {}).get('timescale', {}) -%}
            {%- do found.update({
                node.schema ~ '.' ~ node.alias: settings.get('bucket_interval')
            }) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}
