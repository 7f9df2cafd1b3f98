{% macro migration_0005_queries_without_marks() -%}
    {%- if run_query("select to_regclass('ops.model_builds')").rows[0][0] is none -%}
        {{ return([]) }}
    {%- endif -%}
    {{ return([{
        'summary': 'no marks in the queries of ops.model_builds',
        'sql': "update ops.model_builds set made_of = jsonb_set(made_of, '{query}',"
            ~ " to_jsonb(regexp_replace(made_of ->> 'query',"
            ~ " 'true /[*] (rollup_filter|touched_rows) [^*]*[*]/', 'true', 'g')))"
            ~ " where made_of ->> 'query' ~ '/[*] (rollup_filter|touched_rows) '",
    }]) }}
{%- endmacro %}
