{#
    True if this user's `long` or `short` position was liquidated: a long is liquidated by
    selling it, a short by buying it back.
#}
{% macro is_liquidated(position_side) -%}
    {%- if position_side not in ['long', 'short'] -%}
        {%- do exceptions.raise_compiler_error(
            "is_liquidated('" ~ position_side ~ "'): a position is 'long' or 'short'."
        ) -%}
    {%- endif -%}
    (
        side = '{{ 'A' if position_side == 'long' else 'B' }}'
        -- Cheap filter first: few fills need a look into the JSON of `liquidation`.
        and (liquidation is not null or dir like 'Liquidated%')
        and {{ is_own_liquidation() }}
    )
{%- endmacro %}
