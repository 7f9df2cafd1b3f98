{#
    True if this user was liquidated: `liquidation` names them. The exchange writes
    `liquidation` on the counterparty's fill too. If it names nobody, the wording of `dir`
    decides, for the fill that reduces the position: a long is liquidated by selling it, so a
    buy with the same wording is the counterparty's. `reduces` is the condition for "reduces
    the position", by default reduces_position().
#}
{% macro is_own_liquidation(reduces=none) -%}
    coalesce(
        lower(liquidation ->> 'liquidatedUser') = lower(user_address),
        dir like 'Liquidated%'
        and dir not like case side when 'B' then '%Long' else '%Short' end
        and {{ reduces_position() if reduces is none else reduces }},
        false
    )
{%- endmacro %}
