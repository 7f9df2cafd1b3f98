{% macro vector_index_settings(relation, column) -%}
    {%- set built = describe_vector_index(relation, column) -%}
    {%- if built is none -%}
        {{ return({}) }}
    {%- elif built['method'] == 'hnsw' -%}
        {{ return({
            'hnsw.ef_search': 400,
            'hnsw.iterative_scan': 'relaxed_order',
            'hnsw.max_scan_tuples': 1000000,
        }) }}
    {%- endif -%}
    {{ return({
        'ivfflat.probes': [10, (1.5 * built['lists'] ** 0.5) | round(0, 'ceil') | int] | max,
        'ivfflat.iterative_scan': 'relaxed_order',
    }) }}
{%- endmacro %}
