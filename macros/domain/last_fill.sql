{#
    Aggregate: `value` of the last of a user's fills in a coin. A sort finds it, unless the
    last millisecond holds buys and sells without a block: then the function `last_of_ties`
    follows the chain of positions. So that the server sorts once, all share one order.
#}
{% macro last_fill(value) -%}
    {%- set by_order = 'order by ' ~ fill_order() | join(', ') -%}
    {%- set loose_time = 'max(time) filter (where block_number is null and side = ' -%}
    (array_agg({{ value }} {{ by_order }}))[
        case
            when
                {{ loose_time }}'B') = max(time)
                and {{ loose_time }}'A') = max(time)
                then hyperliquid.last_of_ties(
                    array_agg(case when block_number is null then time end {{ by_order }}),
                    array_agg(event_index {{ by_order }}),
                    array_agg(start_position {{ by_order }}),
                    array_agg(start_position + {{ position_delta() }} {{ by_order }}),
                    array_agg(px {{ by_order }}),
                    array_agg(closed_pnl {{ by_order }})
                )
            else count(*)
        end
    ]
{%- endmacro %}
