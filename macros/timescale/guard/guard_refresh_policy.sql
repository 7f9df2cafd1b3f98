{#
    Stops a run if a refresh policy reaches further back than its source keeps rows: the
    refresh would find no raw rows there and delete their buckets. Returns the start_offset
    to use, a human interval: the declared one, or the longest whole number of buckets that
    stays one bucket inside the retained range. It is none (from the beginning) only if the
    source keeps everything.
#}
{% macro guard_refresh_policy(
    consumer, source, start_offset, end_offset, drop_after, bucket_interval, unit=none
) -%}
    {%- if drop_after is none -%}
        {{ return(start_offset) }}
    {%- endif -%}

    {%- set kept = interval_bounds(drop_after)[0] -%}
    {%- set bucket = interval_bounds(bucket_interval)[1] -%}
    {%- set furthest = (kept // bucket - 1) * bucket -%}
    {%- set end = interval_bounds(end_offset)[1] if end_offset is not none else 0 -%}
    {%- if furthest < end + 2 * bucket -%}
        {%- do exceptions.raise_compiler_error(
            consumer ~ " refreshes buckets of " ~ bucket_interval ~ " that ended "
            ~ (end_offset if end_offset is not none else "0 hours") ~ " ago (end_offset),"
            ~ " but " ~ source ~ " drops its rows after " ~ drop_after ~ " (retention):"
            ~ " some would be gone before they are aggregated. Set retention.drop_after"
            ~ " of " ~ source ~ " to at least " ~ round_interval(end + 4 * bucket, up=true)
            ~ ", or make end_offset or the bucket shorter. Nothing was changed or dropped."
        ) -%}
    {%- endif -%}
    {%- if start_offset is none -%}
        {{ return(human_interval(furthest)) }}
    {%- endif -%}

    {%- if interval_bounds(start_offset)[1] + bucket > kept -%}
        {%- do exceptions.raise_compiler_error(
            consumer ~ ": its refresh goes back " ~ start_offset ~ " (start_offset), but "
            ~ source ~ " drops its rows after " ~ drop_after ~ " (retention): the refresh"
            ~ " would delete the aggregates of dropped rows. Set refresh_policy"
            ~ ".start_offset to at most " ~ round_interval(furthest) ~ ", one bucket of "
            ~ bucket_interval ~ " inside what is kept, or leave it out, or keep the rows of "
            ~ source ~ " for at least "
            ~ round_interval(interval_bounds(start_offset)[1] + bucket, up=true)
            ~ ". Nothing was changed or dropped."
        ) -%}
    {%- endif -%}
    {{ return(start_offset) }}
{%- endmacro %}


{% macro guarded_start_offset(consumer, settings, input) -%}
    {{ return(guard_refresh_policy(
        consumer,
        input['input'],
        settings['refresh_policy'].get('start_offset'),
        settings['refresh_policy'].get('end_offset'),
        retention_interval(input['input_retention']),
        settings['bucket_interval'],
        input['time_unit']
    )) }}
{%- endmacro %}


{% macro assert_retention_keeps_refreshes() -%}
    {%- for node in declared_models(['continuous_aggregate']) -%}
        {%- set settings = node.config.get('meta', {}).get('timescale', {}) -%}
        {%- if settings.get('refresh_policy') is not none
            and settings.get('bucket_interval') is not none
        -%}
            {%- do guarded_start_offset(
                node.schema ~ '.' ~ node.alias, settings, rollup_input(node)
            ) -%}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}


{% macro clip_refresh_policy(spec) -%}
    {%- set policy = spec['refresh_policy'] -%}
    {%- if policy is none or timescale_edition() != 'community' -%}
        {{ return(policy) }}
    {%- endif -%}
    {%- do note_drops({
        'relation': spec['input'],
        'time_column': spec['input_column'],
        'time_unit': spec['time_unit'],
    }) -%}
    {%- set answer = run_query(mark_age_sql(spec['input'])) -%}
    {%- if answer.rows | length == 0 -%}
        {{ return(policy) }}
    {%- endif -%}
    {%- set bucket = interval_bounds(spec['bucket_interval'])[1] -%}
    {%- set end = policy.get('end_offset') -%}
    {%- set least = (interval_bounds(end)[1] if end is not none else 0) + 2 * bucket -%}
    {%- set kept = [answer.rows[0][0] | int, least + 2 * bucket] | max -%}
    {%- set furthest = (kept // bucket - 1) * bucket -%}
    {%- set start = policy.get('start_offset') -%}
    {%- if start is not none and interval_bounds(start)[1] <= furthest -%}
        {{ return(policy) }}
    {%- endif -%}
    {{ return(dict(policy, start_offset=human_interval(furthest))) }}
{%- endmacro %}


{#
    The age of a retention mark when it was written: updated_at minus dropped_before, in
    microseconds.
#}
{% macro mark_age_sql(relation) %}
    select
        floor(
            extract(epoch from marks.updated_at - marks.dropped_before) * 1000000
        )::bigint as microseconds
    from {{ var('timescale_schema') }}.retention_marks as marks
    where marks.relation = '{{ relation }}'
{% endmacro %}
