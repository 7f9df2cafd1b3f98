{% macro node_time_unit(node) -%}
    {%- set settings = node.config.get('meta', {}).get('timescale', {}) -%}
    {%- if settings.get('time_column') is not none or settings.get('time_unit') is not none
    -%}
        {{ return(settings.get('time_unit')) }}
    {%- endif -%}
    {%- for parent in node.depends_on.nodes -%}
        {%- if parent in graph.sources -%}
            {{ return(graph.sources[parent].config.meta.get('timescale', {})
                .get('time_unit')) }}
        {%- elif parent in graph.nodes -%}
            {{ return(node_time_unit(graph.nodes[parent])) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(none) }}
{%- endmacro %}
