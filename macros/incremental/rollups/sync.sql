{#
    Alters the settings of an existing continuous aggregate that differ from its model's
    config. Its rows do not change.
#}
{% macro sync_continuous_aggregate(spec, relation, paused=[]) -%}
    {%- set server = fromjson(
        run_query(continuous_aggregate_settings_sql(relation)).rows[0][0]
    ) -%}
    {%- if server['materialized_only'] != spec['materialized_only'] -%}
        {%- do run_query(
            'alter materialized view ' ~ relation
            ~ ' set (timescaledb.materialized_only = '
            ~ spec['materialized_only'] | lower ~ ')'
        ) -%}
    {%- endif -%}
    {%- do sync_indexes(relation, storage=server['storage']) -%}

    {%- set wanted = columnstore_settings(spec) -%}
    {%- if wanted is none -%}
        {#- The columnstore job is removed first: it needs the columnstore. -#}
        {%- do ensure_rollup_policies(spec, relation, paused) -%}
        {%- if server['columnstore'] is not none -%}
            {#- Chunks must be converted to rows first, else the server refuses. -#}
            {%- do run_query(
                "select decompress_chunk(chunk, true) from show_chunks('"
                ~ server['storage'] ~ "') as chunk"
            ) -%}
            {%- do run_query(
                'alter materialized view ' ~ relation
                ~ ' set (timescaledb.enable_columnstore = false)'
            ) -%}
        {%- endif -%}
    {%- else -%}
        {%- if server['columnstore'] != wanted -%}
            {%- do run_query(
                'alter materialized view ' ~ relation ~ ' set (timescaledb.enable_columnstore'
                ~ ", timescaledb.segmentby = '" ~ wanted['segment_by'] ~ "'"
                ~ ", timescaledb.orderby = '" ~ wanted['order_by'] ~ "')"
            ) -%}
        {%- endif -%}
        {%- do ensure_rollup_policies(spec, relation, paused) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Creates the jobs of a rollup: refresh, columnstore, retention. Those in `paused` are
    created paused.
#}
{% macro ensure_rollup_policies(spec, relation, paused=[]) -%}
    {%- do ensure_policies({
        'relation': relation.schema ~ '.' ~ relation.identifier,
        'time_unit': spec['time_unit'],
        'refresh_policy': clip_refresh_policy(spec),
        'columnstore': spec['columnstore'],
        'retention': spec['retention'],
        'paused': paused,
    }) -%}
{%- endmacro %}


{#
    The settings of a continuous aggregate on the server: materialized_only, columnstore
    ({segment_by, order_by} as texts, or none) and storage, the hypertable that holds its
    rows.
#}
{% macro continuous_aggregate_settings_sql(relation) %}
    select
        jsonb_build_object(
            'materialized_only', aggregates.materialized_only,
            'storage', storage.name,
            'columnstore', case
                when aggregates.compression_enabled then jsonb_build_object(
                    'segment_by', coalesce(settings.segmentby, ''),
                    'order_by', lower(coalesce(settings.orderby, ''))
                )
            end
        )::text as found
    from timescaledb_information.continuous_aggregates as aggregates
    cross join lateral (
        select
            format(
                '%I.%I',
                aggregates.materialization_hypertable_schema,
                aggregates.materialization_hypertable_name
            ) as name
    ) as storage
    left join timescaledb_information.hypertable_columnstore_settings as settings
        on storage.name::regclass = settings.hypertable
    where
        aggregates.view_schema = '{{ relation.schema }}'
        and aggregates.view_name = '{{ relation.identifier }}'
{% endmacro %}


{#
    The declared columnstore settings in the server's spelling, or none. The default of
    `order_by` is the newest bucket first.
#}
{% macro columnstore_settings(spec) -%}
    {%- set columnstore = spec['columnstore'] -%}
    {%- if columnstore is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set segment_by = columnstore.get('segment_by') or [] -%}
    {%- set order_by = columnstore.get('order_by') or [spec['bucket'] ~ ' desc'] -%}
    {%- set segment_by = [segment_by] if segment_by is string else segment_by -%}
    {%- set order_by = [order_by] if order_by is string else order_by -%}
    {{ return({
        'segment_by': segment_by | join(','),
        'order_by': index_column_texts(order_by) | join(','),
    }) }}
{%- endmacro %}
