{#
    The kind of the fill, and the reason if it ends a position: `liquidation` of this trader,
    `adl`, `settlement`, `transfer`, `dust`, else `trade`. It does not check whether the fill
    reduced the position: the models that read it know the position, even if the exchange
    reports no `start_position`.
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
