{#
    Makes the indexes of a relation that builds leave in place those that are declared:
    creates what is missing, and drops what is not declared any more if this project made
    it, which its name tells. An index that somebody else made for the same columns does as
    well and is left alone. `unique_key` asks for a unique index on these columns.
    `storage` is the hypertable that holds the rows and indexes of a continuous aggregate.
#}
{% macro sync_indexes(relation, unique_key=none, storage=none) -%}
    {%- set wanted = [] -%}
    {%- if unique_key is not none -%}
        {%- do wanted.append({'columns': unique_key, 'method': 'btree', 'unique': true}) -%}
    {%- endif -%}
    {%- for index in config.get('indexes') or [] -%}
        {%- do wanted.append({
            'columns': index_column_texts(index['columns']),
            'method': index.get('type') or 'btree',
            'unique': index.get('unique', false),
        }) -%}
    {%- endfor -%}
    {%- set found = fromjson(run_query(live_indexes_sql(storage or relation)).rows[0][0]) -%}

    {%- for index in found if index['is_ours'] and index['definition'] not in wanted -%}
        {%- do run_query('drop index ' ~ index['name']) -%}
    {%- endfor -%}
    {%- set there = found | map(attribute='definition') | list -%}
    {%- for index in wanted if index not in there -%}
        {%- set tag = local_md5(relation ~ index ~ modules.datetime.datetime.now()) -%}
        {%- set name = relation.identifier[:38] ~ '_dbt_' ~ tag[:20] -%}
        {%- set columns = quoted_names(index['columns']) if index['columns'] == unique_key
            else index['columns'] | join(', ') -%}
        {%- do run_query(
            'create ' ~ ('unique ' if index['unique'] else '') ~ 'index '
            ~ adapter.quote(name) ~ ' on ' ~ relation ~ ' using ' ~ index['method']
            ~ ' (' ~ columns ~ ')'
        ) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    The indexes of a table: name, definition, is_ours.
#}
{% macro live_indexes_sql(relation) %}
    select
        coalesce(
            jsonb_agg(jsonb_build_object(
                'name', pg_index.indexrelid::regclass::text,
                'is_ours', pg_class.relname ~ '(_dbt_[0-9a-f]{20}|^[0-9a-f]{32})$',
                'definition', jsonb_build_object(
                    'columns', array(
                        select replace(
                            pg_get_indexdef(pg_index.indexrelid, position, true), '"', ''
                        )
                        -- The bits of indoption: descending, nulls first.
                        || case pg_index.indoption[position - 1]
                            when 1 then ' desc nulls last'
                            when 2 then ' nulls first'
                            when 3 then ' desc'
                            else ''
                        end
                        from generate_series(1, pg_index.indnkeyatts) as position
                        order by position
                    ),
                    'method', pg_am.amname,
                    'unique', pg_index.indisunique
                )
            )),
            '[]'
        )::text as found
    from pg_index
    inner join pg_class
        on pg_index.indexrelid = pg_class.oid
    inner join pg_am
        on pg_class.relam = pg_am.oid
    where
        pg_index.indrelid = '{{ relation }}'::regclass
        -- Others do not keep all keys apart.
        and pg_index.indpred is null
        and pg_index.indisvalid
        and pg_index.indimmediate
{% endmacro %}


{#
    Columns of an index as the server would write them: ['day desc', 'coin'].
#}
{% macro index_column_texts(columns) -%}
    {%- set texts = [] -%}
    {%- for column in columns -%}
        {%- set text = (column | lower).split() | join(' ') -%}
        {%- do texts.append(modules.re.sub(' asc\\b', '', text)) -%}
    {%- endfor -%}
    {{ return(texts) }}
{%- endmacro %}
