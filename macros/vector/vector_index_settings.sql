{#
    Server settings under which a search through the index of a vector column finds what
    an exact one finds, and goes on until it has enough rows that pass its filter: name
    and value. `probes` is a tenth of the lists, at least ten: pgvector suggests the
    square root, which loses more neighbours (see docs/embeddings.md for what it gives).
#}
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
        'ivfflat.probes': [10, built['lists'] // 10] | max,
        'ivfflat.iterative_scan': 'relaxed_order',
    }) }}
{%- endmacro %}
