{#
    True where this user was the one liquidated, of a `long` or a `short` position: a long is
    liquidated by selling it, a short by buying it back.
#}
{% macro is_liquidated(position_side) -%}
    {%- if position_side not in ['long', 'short'] -%}
        {%- do exceptions.raise_compiler_error(
            "is_liquidated('" ~ position_side ~ "'): a position is 'long' or 'short'."
        ) -%}
    {%- endif -%}
    (
        side = '{{ 'A' if position_side == 'long' else 'B' }}'
        -- Few fills are: the rest is not worth a look into the object.
        and (liquidation is not null or dir like 'Liquidated%')
        and {{ is_own_liquidation() }}
    )
{%- endmacro %}
