{% macro clip_ranges(ranges, retained_from, bucket, unit=none) -%}
    {%- if retained_from is none or ranges | length == 0 -%}
        {{ return(ranges) }}
    {%- endif -%}
    {%- set answer = run_query(clip_ranges_sql(ranges, retained_from, bucket, unit)) -%}
    {%- set clipped = [] -%}
    {%- for row in answer.rows -%}
        {%- do clipped.append((time_literal(row[0], unit), time_literal(row[1], unit))) -%}
    {%- endfor -%}
    {{ return(clipped) }}
{%- endmacro %}


{% macro clip_ranges_sql(ranges, retained_from, bucket, unit=none) %}
    with

    ranges (range_from, range_to) as (
        values
        {%- for range_from, range_to in ranges %}
        ({{ range_from }}, {{ range_to }}){{ ',' if not loop.last }}
        {%- endfor %}
    ),

    retained as (
        select {{ first_whole_bucket(retained_from, bucket, unit) }} as first_bucket
    )

    select
        greatest(ranges.range_from, retained.first_bucket)::text as range_from,
        ranges.range_to::text as range_to
    from ranges
    cross join retained
    where ranges.range_to > retained.first_bucket
    order by ranges.range_from
{% endmacro %}


{% macro first_whole_bucket(retained_from, bucket, unit=none) -%}
    case
        when {{ time_bucket(bucket, retained_from, unit) }} = {{ retained_from }}
            then {{ retained_from }}
        else {{ time_bucket(bucket, retained_from, unit) }} + {{ time_span(bucket, unit) }}
    end
{%- endmacro %}
