{% macro sync_vector_index(relation, column, method='ivfflat', min_rows=1000) -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- if method not in ['ivfflat', 'hnsw', 'none'] -%}
        {%- do exceptions.raise_compiler_error(
            relation ~ ": index method '" ~ method ~ "' of " ~ column
            ~ " must be ivfflat, hnsw or none (variable embedding_index)."
        ) -%}
    {%- endif -%}

    {%- set built = describe_vector_index(relation, column) -%}
    {%- set same_method = built is not none and built['method'] == method -%}
    {%- set main = load_result('main') -%}
    {%- set nothing_new = main is not none and main['response'].rows_affected == 0 -%}
    {%- if nothing_new and (same_method or method == 'none' and built is none) -%}
        {{ return('') }}
    {%- endif -%}

    {%- set row_count = run_query('select count(*) from ' ~ relation).rows[0][0] | int -%}
    {%- set wanted = method != 'none' and row_count >= min_rows -%}
    {%- set fits = same_method and (
        method == 'hnsw' or row_count < 2 * built['rows']
    ) -%}
    {%- if (wanted and fits) or (not wanted and built is none) -%}
        {{ return('') }}
    {%- endif -%}
    {%- do build_vector_index(relation, column, method if wanted else 'none', row_count) -%}
    {{ return('') }}
{%- endmacro %}


{#
    Replaces the index: the new one is complete before the old one is dropped.
#}
{% macro build_vector_index(relation, column, method, row_count) -%}
    {%- set name = vector_index_name(relation, column) -%}
    {%- set fresh = name ~ '_new' -%}
    {%- set schema = adapter.quote(relation.schema) -%}
    {%- if method != 'none' -%}
        {%- set lists = vector_index_lists(row_count) if method == 'ivfflat' else none -%}
        {%- set built_as = tojson({'method': method, 'lists': lists, 'rows': row_count}) -%}
        {%- do log(
            model.name ~ ': ' ~ method ~ ' index over ' ~ row_count ~ ' rows'
            ~ (', ' ~ lists ~ ' lists' if lists is not none else ''),
            info=true
        ) -%}
        {%- do run_query(
            'create index ' ~ fresh ~ ' on ' ~ relation ~ ' using ' ~ method
            ~ ' (' ~ adapter.quote(column) ~ ' vector_cosine_ops)'
            ~ (' with (lists = ' ~ lists ~ ')' if lists is not none else '')
        ) -%}
        {%- do run_query(
            'comment on index ' ~ schema ~ '.' ~ fresh ~ " is '" ~ built_as ~ "'"
        ) -%}
    {%- endif -%}
    {%- do run_query('drop index if exists ' ~ schema ~ '.' ~ name) -%}
    {%- if method != 'none' -%}
        {%- do run_query(
            'alter index ' ~ schema ~ '.' ~ fresh ~ ' rename to ' ~ name
        ) -%}
        {#- The planner needs the number of rows to choose the index. -#}
        {%- do run_query('analyze ' ~ relation) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Lists of an ivfflat index by pgvector's rule: rows / 1000 up to a million rows, their
    square root above. Example: `vector_index_lists(200000)` is 200.
#}
{% macro vector_index_lists(row_count) -%}
    {%- if row_count <= 1000000 -%}
        {{ return([row_count // 1000, 1] | max) }}
    {%- endif -%}
    {{ return((row_count ** 0.5) | int) }}
{%- endmacro %}
