{#
    Fails with every row whose range [lower, upper) begins before an earlier range of the
    same partition has ended. A NULL `upper` is an open end: no later range is allowed.
    Adjacent ranges do not overlap, nor do empty ones on an edge. For times and numerics.
#}
{% test no_overlap(model, partition_by, lower, upper) %}

{%- if partition_by is string or partition_by | length == 0 %}
    {%- do exceptions.raise_compiler_error(
        "no_overlap on " ~ model ~ ": partition_by must be a list of column names."
    ) %}
{%- endif %}
{%- set keys = partition_by | join(', ') %}

with

ranges as (

    select
        {{ keys }},
        {{ lower }} as range_from,
        coalesce({{ upper }}, 'infinity') as range_to
    from {{ model }}

),

furthest as (

    select
        ranges.*,
        max(range_to) over (
            partition by {{ keys }}
            order by range_from, range_to
            rows between unbounded preceding and 1 preceding
        ) as earlier_range_to
    from ranges

)

select * from furthest
where
    range_from < earlier_range_to
    or range_to < range_from

{% endtest %}
