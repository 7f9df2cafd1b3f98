{#
    Problems with pgvector on the server, for assert_server.
#}
{% macro postgres__server_problems() -%}
    {%- set found = run_query(vector_facts_sql()).rows[0] -%}
    {%- set problems = [] -%}
    {%- if found['vector_version'] is none and found['vector_available'] is none -%}
        {%- do problems.append(
            "The server has no pgvector. Install it (Debian, Ubuntu: postgresql-"
            ~ found['major_version'] ~ "-pgvector; others:"
            ~ " https://github.com/pgvector/pgvector#installation), then say in the"
            ~ " database: create extension vector"
        ) -%}
    {%- elif found['vector_version'] is none -%}
        {%- do problems.append(
            "The extension vector is not in the database. Its owner or a superuser says"
            ~ " there: create extension vector"
        ) -%}
    {%- endif -%}
    {%- if found['vector_version'] is not none and not found['has_vector'] -%}
        {%- do problems.append(
            "pgvector " ~ found['vector_version'] ~ " is too old: the search needs 0.8."
            ~ " Install it, then say in the database: alter extension vector update"
        ) -%}
    {%- endif -%}
    {{ return(problems) }}
{%- endmacro %}


{% macro vector_facts_sql() %}
    select
        current_setting('server_version_num')::integer / 10000 as major_version,
        vector.extversion as vector_version,
        string_to_array(vector.extversion, '.')::integer[] >= array[0, 8] as has_vector,
        (
            select available.default_version
            from pg_available_extensions as available
            where available.name = 'vector'
        ) as vector_available
    from (values ('vector')) as wanted (extname)
    left join pg_extension as vector
        on wanted.extname = vector.extname
{% endmacro %}
