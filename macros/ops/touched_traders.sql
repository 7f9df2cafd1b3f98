{#
    The traders whose whole history a test reads: at most a thousand of each day that the
    newest loads touched, or all traders with `tested_fill_span: all`.
#}
{% macro touched_traders(relation, unit='ms') -%}
    select distinct ranked.user_address
    from (
        select
            user_address,
            row_number() over (
                partition by day
                order by md5(user_address || day)
            ) as place
        from {{ relation }}
        where {{ touched_days('day', unit) }}
    ) as ranked
    {%- if var('tested_fill_span') != 'all' %}
    where ranked.place <= 1000
    {%- endif %}
{%- endmacro %}
