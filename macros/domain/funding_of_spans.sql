{#
    The funding of spans of int_positions__held_spans, grouped by the columns `by`: −size ×
    payments per unit in the span. Before the first known hour of a coin it is 0.
#}
{% macro funding_of_spans(spans, funding_index, by) -%}
    {%- set paid = "coalesce(until_end.{0}, 0) - coalesce(until_begin.{0}, 0)" -%}
    {%- set known = 'sum(' ~ paid.format('known_hours') ~ ')' -%}
    select
        {%- for column in by %}
        spans.{{ column }},
        {%- endfor %}
        case
            when {{ known }} > 0
                then trim_scale(sum(-spans.size * ({{ paid.format('paid_per_unit_usd') }})))
        end as funding_usd,
        {{ known }}
        = sum(extract(epoch from spans.to_hour_at - spans.from_hour_at) / 3600)
            as is_funding_known
    from {{ spans }} as spans
    left join {{ funding_index }} as until_begin
        on
            spans.coin = until_begin.coin
            and spans.from_hour_at = until_begin.hour_at
    left join {{ funding_index }} as until_end
        on
            spans.coin = until_end.coin
            and spans.to_hour_at = until_end.hour_at
    group by
        {%- for column in by %}
        spans.{{ column }}
        {{- ',' if not loop.last }}
        {%- endfor %}
{%- endmacro %}
