{#
    Brings the indexes of an existing relation in line with its config: creates missing
    ones, and drops those that are no longer declared if this project created them, which
    their name shows. An index on the same columns that somebody else created is accepted
    and kept. `unique_key` asks for a unique index on these columns. `storage` is the
    hypertable that holds the rows and indexes of a continuous aggregate.
#}
{% macro sync_indexes(relation, unique_key=none, storage=none) -%}
    {%- set declared = (config.get('indexes') or []) | list -%}
    {%- if unique_key is not none -%}
        {%- do declared.insert(0, {'columns': [quoted_names(unique_key)], 'unique': true}) -%}
    {%- endif -%}
    {%- set wanted = [] -%}
    {%- for index in declared -%}
        {%- do wanted.append({
            'columns': index_column_texts(index['columns']) | join(', '),
            'method': index.get('type') or 'btree',
            'unique': index.get('unique', false),
        }) -%}
    {%- endfor -%}
    {%- set there = [] -%}
    {%- for index in fromjson(run_query(live_indexes_sql(storage or relation)).rows[0][0]) -%}
        {%- set text = modules.re.search(
            ' USING \\w+ \\((.*?)\\)( INCLUDE .*| NULLS NOT .*| WITH .*)?$', index['text']
        ).group(1) -%}
        {%- set definition = {
            'columns': index_column_texts([text])[0],
            'method': index['method'],
            'unique': index['unique'],
        } -%}
        {%- do there.append(definition) -%}
        {%- if index['is_ours'] and definition not in wanted -%}
            {%- do run_query('drop index ' ~ index['name']) -%}
        {%- endif -%}
    {%- endfor -%}

    {%- for index, definition in zip(declared, wanted) if definition not in there -%}
        {%- set tag = local_md5(relation ~ definition ~ modules.datetime.datetime.now()) -%}
        {%- set name = relation.identifier[:38] ~ '_dbt_' ~ tag[:20] -%}
        {%- do run_query(
            'create ' ~ ('unique ' if definition['unique'] else '') ~ 'index '
            ~ adapter.quote(name) ~ ' on ' ~ relation ~ ' using ' ~ definition['method']
            ~ ' (' ~ index['columns'] | join(', ') ~ ')'
        ) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    The indexes of a table: name, text, method, unique, is_ours.
#}
{% macro live_indexes_sql(relation) %}
    select
        coalesce(
            jsonb_agg(jsonb_build_object(
                'name', pg_index.indexrelid::regclass::text,
                'is_ours', pg_class.relname ~ '(_dbt_[0-9a-f]{20}|^[0-9a-f]{32})$',
                'text', pg_get_indexdef(pg_index.indexrelid, 0, true),
                'method', pg_am.amname,
                'unique', pg_index.indisunique
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
        -- Partial, invalid and deferrable indexes do not enforce uniqueness at once for
        -- all rows.
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
        {#- Quoted names keep their case. -#}
        {%- set parts = [] -%}
        {%- for part in column.split('"') -%}
            {%- do parts.append(part | lower if loop.index0 % 2 == 0 else part) -%}
        {%- endfor -%}
        {%- set text = (parts | join).split() | join(' ') -%}
        {%- do texts.append(modules.re.sub(' asc\\b', '', text)) -%}
    {%- endfor -%}
    {{ return(texts) }}
{%- endmacro %}
