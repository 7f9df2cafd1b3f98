{#
    Stops, while compiling, a refresh policy that would reach beyond what its source keeps:
    the refresh would find no raw rows there and delete the buckets made of them. Returns
    the start_offset to use, a human interval: the one given, or else the longest whole
    number of buckets that stays one bucket inside the retained range; none (from the
    beginning) only where the source keeps everything.
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
            ~ " of " ~ source ~ " to at least " ~ human_interval(end + 4 * bucket)
            ~ ", or make end_offset or the bucket shorter."
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
            ~ ".start_offset to at most " ~ human_interval(furthest) ~ ", one bucket of "
            ~ bucket_interval ~ " inside what is kept, or leave it out."
        ) -%}
    {%- endif -%}
    {{ return(start_offset) }}
{%- endmacro %}
