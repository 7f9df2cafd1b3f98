{% macro postgres__persist_docs(relation, model, for_relation, for_columns) -%}
    {%- set with_relation = for_relation and config.persist_relation_docs() -%}
    {%- set with_columns = for_columns and config.persist_column_docs() -%}
    {%- if with_relation or with_columns -%}
        {%- set comments = relation_comments(relation) -%}
        {%- if with_relation and model.description
            and model.description != comments['relation']
        -%}
            {%- do run_query(
                'comment on ' ~ comments['kind'] ~ ' ' ~ relation ~ ' is '
                ~ postgres_escape_comment(model.description)
            ) -%}
        {%- endif -%}
        {%- if with_columns and model.columns -%}
            {%- set documented = validate_doc_columns(
                relation, model.columns, comments['columns'].keys() | list
            ) -%}
            {%- set differing = {} -%}
            {%- for name, column in documented.items()
                if column['description'] != comments['columns'][name] | default('', true)
            -%}
                {%- do differing.update({name: column}) -%}
            {%- endfor -%}
            {%- if differing | length > 0 -%}
                {%- do run_query(alter_column_comment(relation, differing)) -%}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#
    The comments on a relation: {'kind': its keyword in COMMENT ON, 'relation': text or none,
    'columns': {name: text or none}}. For COMMENT ON a continuous aggregate is a view.
#}
{% macro relation_comments(relation) -%}
    {%- set answer = run_query(relation_comments_sql(relation)) -%}
    {{ return(fromjson(answer.rows[0][0])) }}
{%- endmacro %}


{% macro relation_comments_sql(relation) %}
    select
        jsonb_build_object(
            'kind', (
                select
                    case pg_class.relkind
                        when 'v' then 'view'
                        when 'm' then 'materialized view'
                        else 'table'
                    end
                from pg_class
                where pg_class.oid = '{{ relation }}'::regclass
            ),
            'relation', obj_description('{{ relation }}'::regclass, 'pg_class'),
            'columns', jsonb_object_agg(
                pg_attribute.attname,
                col_description(pg_attribute.attrelid, pg_attribute.attnum)
            )
        )::text as comments
    from pg_attribute
    where
        pg_attribute.attrelid = '{{ relation }}'::regclass
        and pg_attribute.attnum > 0
        and not pg_attribute.attisdropped
{% endmacro %}
