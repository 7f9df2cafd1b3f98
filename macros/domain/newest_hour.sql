{#- Each subquery is one index lookup in trader_position_hours. -#}
{% macro newest_hour(hours) -%}
    greatest(
        (
            select date_trunc('hour', max(closed.closed_at), 'UTC')
            from {{ hours }} as closed
        ),
        (
            select max(still_open.hour_at)
            from {{ hours }} as still_open
            where still_open.is_open
        )
    )
{%- endmacro %}
