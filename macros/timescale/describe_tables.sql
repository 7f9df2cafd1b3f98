{% macro describe_tables(tables) -%}
    {%- if tables | length == 0 -%}
        {{ return({}) }}
    {%- endif -%}
    {%- set answer = run_query(describe_tables_sql(tables)) -%}
    {{ return(fromjson(answer.rows[0][0])) }}
{%- endmacro %}


{% macro describe_tables_sql(tables) %}
    {%- set has_timescale = timescale_edition() != 'postgres' %}
    with

    declared (schema_name, table_name, column_name, type_name) as (
        values
        {%- for table in tables -%}
            {%- set is_last_table = loop.last -%}
            {%- for column in table['columns'] or [{'name': '', 'type': ''}] %}
        (
            '{{ table['schema'] }}', '{{ table['name'] }}',
            '{{ column['name'] }}', '{{ column['type'] }}'
        ){{ ',' if not (is_last_table and loop.last) }}
            {%- endfor -%}
        {%- endfor %}
    ),

    tables as (
        select distinct
            declared.schema_name,
            declared.table_name,
            pg_namespace.oid is not null as has_schema,
            pg_namespace.oid as schema_oid,
            pg_class.oid as table_oid,
            pg_class.relowner as owner,
            pg_class.relkind as kind
        from declared
        left join pg_namespace
            on declared.schema_name = pg_namespace.nspname
        left join pg_class
            on
                pg_namespace.oid = pg_class.relnamespace
                and declared.table_name = pg_class.relname
    ),

    -- The server compares the types, because it knows synonyms: timestamptz is timestamp
    -- with time zone. type_modifier compares the text in parentheses, as in numeric(18,8).
    columns as (
        select
            tables.table_oid,
            jsonb_object_agg(
                declared.column_name,
                jsonb_build_object(
                    'type', format_type(pg_attribute.atttypid, pg_attribute.atttypmod),
                    'same_type', to_regtype(declared.type_name) = pg_attribute.atttypid,
                    'comment', col_description(tables.table_oid, pg_attribute.attnum)
                )
            ) as found
        from declared
        inner join tables
            on
                declared.schema_name = tables.schema_name
                and declared.table_name = tables.table_name
        inner join pg_attribute
            on
                tables.table_oid = pg_attribute.attrelid
                and declared.column_name = pg_attribute.attname
                and not pg_attribute.attisdropped
        group by tables.table_oid
    ),

    indexes as (
        select
            tables.table_oid,
            jsonb_object_agg(
                pg_class.relname,
                jsonb_build_object(
                    'primary', pg_index.indisprimary,
                    'unique', pg_index.indisunique,
                    'columns', array(
                        select replace(
                            pg_get_indexdef(pg_index.indexrelid, position, true), '"', ''
                        )
                        from generate_series(1, pg_index.indnkeyatts) as position
                        order by position
                    )
                )
            ) as found
        from tables
        inner join pg_index
            on tables.table_oid = pg_index.indrelid
        inner join pg_class
            on pg_index.indexrelid = pg_class.oid
        group by tables.table_oid
    )

    select
        jsonb_object_agg(
            tables.schema_name || '.' || tables.table_name,
            jsonb_build_object(
                'has_schema', tables.has_schema,
                'kind', tables.kind,
                'owner', pg_get_userbyid(tables.owner),
                'may_change', case
                    when tables.table_oid is not null
                        then pg_has_role(tables.owner, 'usage')
                    when tables.schema_oid is not null
                        then has_schema_privilege(tables.schema_oid, 'create')
                    else has_database_privilege(current_database(), 'create')
                end,
                'comment', obj_description(tables.table_oid, 'pg_class'),
                'columns', coalesce(columns.found, '{}'),
                'indexes', coalesce(indexes.found, '{}'),
                {%- if has_timescale %}
                'is_hypertable', hypertables.hypertable_name is not null,
                'dimensions', (
                    select
                        jsonb_agg(
                            jsonb_build_object(
                                'column', dimensions.column_name,
                                'span', coalesce(
                                    dimensions.integer_interval,
                                    (
                                        extract(epoch from dimensions.time_interval)
                                        * 1000000
                                    )::bigint
                                ),
                                'now', dimensions.integer_now_func,
                                'partitions', dimensions.num_partitions
                            )
                            order by dimensions.dimension_number
                        )
                    from timescaledb_information.dimensions
                    where
                        dimensions.hypertable_schema = tables.schema_name
                        and dimensions.hypertable_name = tables.table_name
                ),
                {%- if timescale_edition() == 'community' %}
                'segment_by', columnstore.segmentby,
                'order_by', columnstore.orderby,
                {%- endif %}
                'has_columnstore', coalesce(hypertables.compression_enabled, false)
                {%- else %}
                'is_hypertable', false,
                'has_columnstore', false
                {%- endif %}
            )
        )::text as found
    from tables
    left join columns
        on tables.table_oid = columns.table_oid
    left join indexes
        on tables.table_oid = indexes.table_oid
    {%- if has_timescale %}
    left join timescaledb_information.hypertables
        on
            tables.schema_name = hypertables.hypertable_schema
            and tables.table_name = hypertables.hypertable_name
    {%- endif %}
    {%- if timescale_edition() == 'community' %}
    left join timescaledb_information.hypertable_columnstore_settings as columnstore
        on tables.table_oid = columnstore.hypertable
    {%- endif %}
{% endmacro %}
