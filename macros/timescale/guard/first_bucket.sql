{#
    Notes what somebody dropped by hand of a rollup that others are made of: no load log
    tells so, but it begins later than it did. To be called before rows are written to it,
    which may bring some of the dropped buckets back.
#}
{% macro note_drops_of_rollup(spec) -%}
    {%- if models_on_record().get(spec['consumer'], {}).get('kind') == 'rollup'
        and dependent_rollups(spec['consumer']) | length > 0
    -%}
        {%- do note_drops({
            'relation': spec['consumer'],
            'time_column': spec['bucket'],
            'time_unit': spec['time_unit'],
        }) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Remembers the first bucket of such a rollup, in the transaction of its rows.
#}
{% macro record_first_bucket(spec) -%}
    {%- if dependent_rollups(spec['consumer']) | length > 0 -%}
        {%- do run_query(first_bucket_sql(spec)) -%}
    {%- endif -%}
{%- endmacro %}


{% macro first_bucket_sql(spec) %}
    update ops.model_state as state
    set first_bucket = found.first_bucket
    from (
        select {{ mark_time('min(rollup.' ~ spec['bucket'] ~ ')', spec['time_unit']) }}
            as first_bucket
        from {{ bucket_storage(this) }} as rollup
    ) as found
    where
        state.model = '{{ spec['consumer'] }}'
        and state.first_bucket is distinct from found.first_bucket
{% endmacro %}


{#
    The instant before which a rollup has lost rows since its first bucket was remembered.
    With no row left, all that its loads reached is gone.
#}
{% macro rollup_drops_sql(table) %}
    {%- set parts = table['relation'].split('.') %}
    {%- set storage = bucket_storage(
        api.Relation.create(schema=parts[0], identifier=parts[1])
    ) %}
    select
        coalesce(
            found.first_bucket,
            (
                select max(load_log.time_to) + interval '1 microsecond'
                from ingestion.load_log
                inner join ingestion.applied_loads
                    on load_log.load_id = applied_loads.load_id
                where applied_loads.consumer = '{{ table['relation'] }}'
            )
        ) as instant
    from ops.model_state as state
    cross join (
        select {{ mark_time(
            'min(rollup.' ~ table['time_column'] ~ ')', table['time_unit']
        ) }} as first_bucket
        from {{ storage }} as rollup
    ) as found
    where
        state.model = '{{ table['relation'] }}'
        and (found.first_bucket > state.first_bucket or found.first_bucket is null)
        and state.first_bucket is not null
{% endmacro %}
