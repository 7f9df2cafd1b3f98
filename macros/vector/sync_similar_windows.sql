{% macro sync_similar_windows(relation) -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set definition = similar_windows_sql(
        relation, vector_index_settings(relation, 'feature_vector')
    ) -%}
    {%- set digest = local_md5(definition) -%}
    {%- set function = relation.schema ~ '.similar_windows('
        ~ 'timestamptz, integer, text, text, boolean)' -%}
    {%- set found = run_query(
        "select obj_description(to_regprocedure('" ~ function ~ "'), 'pg_proc')"
    ).rows[0][0] -%}
    {%- if found is none or digest not in found -%}
        {%- do run_query(definition) -%}
        {%- do run_query(
            'comment on function ' ~ function ~ " is 'The k nearest earlier windows: "
            ~ "docs/embeddings.md. Version " ~ digest ~ "'"
        ) -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}
