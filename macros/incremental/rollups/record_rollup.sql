{#
    Records the applied loads of a rollup: in the transaction that writes its rows, for a
    native rollup right after its refresh. If a build is killed in between, the next one
    refreshes the same ranges again, which changes nothing. For the guard of history it also
    records the bucket interval, the input and, if other rollups read this one, its first
    bucket.
#}
{% macro record_rollup(spec, state, action) -%}
    {%- do record_taken_in(spec, state, action) -%}
    {%- set first_bucket = 'state.first_bucket' -%}
    {%- if dependent_rollups(spec['consumer']) | length > 0 -%}
        {%- set first_bucket = '(select '
            ~ mark_time('min(rollup.' ~ spec['bucket'] ~ ')', spec['time_unit'])
            ~ ' from ' ~ bucket_storage(this) ~ ' as rollup)' -%}
    {%- endif -%}
    {%- do run_query(record_rollup_sql(spec, first_bucket)) -%}
{%- endmacro %}


{% macro record_rollup_sql(spec, first_bucket) %}
    update ops.model_state as state
    set
        bucket_interval = found.bucket_interval,
        input = found.input,
        first_bucket = found.first_bucket
    from (
        select
            state.model,
            '{{ spec['bucket_interval'] }}' as bucket_interval,
            '{{ spec['input'] }}' as input,
            {{ first_bucket }} as first_bucket
        from ops.model_state as state
        where state.model = '{{ spec['consumer'] }}'
    ) as found
    where
        state.model = found.model
        and (state.bucket_interval, state.input, state.first_bucket)
        is distinct from (found.bucket_interval, found.input, found.first_bucket)
{% endmacro %}


{#
    The record of a rollup in ops.model_state, for the guard: see rollup_record_sql.
#}
{% macro postgres__rollup_record_sql(consumer) -%}
    {%- if models_on_record().get(consumer, {}).get('kind') != 'rollup' -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set record -%}
    select
        model_state.bucket_interval,
        model_state.first_bucket,
        (
            select max(load_log.time_to)
            from ingestion.load_log
            inner join ingestion.applied_loads
                on load_log.load_id = applied_loads.load_id
            where applied_loads.consumer = '{{ consumer }}'
        ) as loaded_to
    from ops.model_state
    where model_state.model = '{{ consumer }}'
    {%- endset -%}
    {{ return(record) }}
{%- endmacro %}
