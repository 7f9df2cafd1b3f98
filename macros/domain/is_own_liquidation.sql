{#
    True where this user was the one liquidated: `liquidation` names them. The exchange
    writes it on the counterparty's fill too. Where it names nobody, the wording of `dir`
    decides, for the fill that reduces the position: a long is liquidated by selling it,
    who buys then under the same wording is the other side. `reduces` is the condition for
    "reduces the position", by default that of `start_position`.
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
