{#
    Which server this is: 'community' (TimescaleDB with the Timescale licence), 'apache'
    (TimescaleDB without it) or 'postgres' (no TimescaleDB).

    The server is asked once per run. The answer is kept in `graph`, the one dictionary
    that all nodes and threads of a run share; a new run starts with a new one. While
    parsing there is no server: the answer is 'postgres' then, and nothing of it stays.
    The variable `timescale_edition` overrides the server, for rendering without one.
#}
{% macro timescale_edition() -%}
    {%- set editions = ['community', 'apache', 'postgres'] -%}
    {%- set declared = var('timescale_edition', none) -%}
    {%- if declared is not none -%}
        {%- if declared not in editions -%}
            {%- do exceptions.raise_compiler_error(
                "The variable timescale_edition is '" ~ declared ~ "'; it must be one of "
                ~ editions | join(', ') ~ ", or absent to ask the server."
            ) -%}
        {%- endif -%}
        {{ return(declared) }}
    {%- endif -%}

    {%- if not execute -%}
        {{ return('postgres') }}
    {%- endif -%}

    {%- if 'timescale_edition' not in graph -%}
        {%- set answer = run_query(timescale_edition_sql()) -%}
        {%- do graph.update({'timescale_edition': answer.rows[0][0]}) -%}
    {%- endif -%}
    {{ return(graph['timescale_edition']) }}
{%- endmacro %}


{% macro timescale_edition_sql() %}
    select
        case
            when not exists (
                select 1 from pg_extension where extname = 'timescaledb'
            ) then 'postgres'
            when current_setting('timescaledb.license', true) = 'timescale'
                then 'community'
            else 'apache'
        end as edition
{% endmacro %}
