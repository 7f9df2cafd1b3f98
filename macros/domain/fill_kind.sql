{#
    What kind of fill it is, as the reason why a position ended if this fill ends it:
    `liquidation` of this trader, `adl`, `settlement`, `transfer`, `dust`, else `trade`.
    Whether the fill reduced the position is not asked here: the reader knows the position,
    also where the exchange reports no `start_position`.
#}
{% macro fill_kind() -%}
    case
        when {{ is_own_liquidation(reduces='true') }} then 'liquidation'
        when {{ is_transfer('dir') }} then 'transfer'
        when {{ is_dust('dir') }} then 'dust'
        when dir = 'Auto-Deleveraging' then 'adl'
        when dir = 'Settlement' then 'settlement'
        else 'trade'
    end
{%- endmacro %}
