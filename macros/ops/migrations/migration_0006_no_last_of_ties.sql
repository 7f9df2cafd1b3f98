{% macro migration_0006_no_last_of_ties() -%}
    {%- set changes = [] -%}
    {%- for row in run_query(uncalled_functions_sql('hyperliquid', 'last_of_ties')).rows -%}
        {%- do changes.append({
            'summary': 'no function ' ~ row[0],
            'sql': 'drop function ' ~ row[0],
        }) -%}
    {%- endfor -%}
    {{ return(changes) }}
{%- endmacro %}


{#
    The functions of a name on which nothing depends.
#}
{% macro uncalled_functions_sql(schema, name) %}
    select pg_proc.oid::regprocedure::text as signature
    from pg_proc
    where
        pg_proc.proname = '{{ name }}'
        and pg_proc.pronamespace = to_regnamespace('{{ schema }}')
        and not exists (
            select 1
            from pg_depend
            where
                pg_depend.refclassid = 'pg_proc'::regclass
                and pg_depend.refobjid = pg_proc.oid
        )
{% endmacro %}
