{#
    Writes down what a rollup has taken in, and for the guard of history its bucket, what it
    is made of and its first bucket, in the transaction of its rows.
#}
{% macro record_rollup(spec, state, action) -%}
    {%- do record_taken_in(spec, state, action) -%}
    {%- if flags.EMPTY -%}
        {{ return('') }}
    {%- endif -%}
    {%- if action == 'all' -%}
        {%- do run_query(record_grain_sql(spec)) -%}
    {%- endif -%}
    {%- if dependent_rollups(spec['consumer']) | length > 0 -%}
        {%- do run_query(first_bucket_sql(spec)) -%}
    {%- endif -%}
{%- endmacro %}


{% macro record_grain_sql(spec) %}
    update ops.model_state as state
    set
        bucket_interval = '{{ spec['bucket_interval'] }}',
        input = '{{ spec['input'] }}'
    where
        state.model = '{{ spec['consumer'] }}'
        and (state.bucket_interval, state.input)
        is distinct from ('{{ spec['bucket_interval'] }}', '{{ spec['input'] }}')
{% endmacro %}


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
    What ops.model_state has of a rollup, for the guard: see rollup_record_sql.
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
