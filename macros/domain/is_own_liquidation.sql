{#
    True where this user was the one liquidated: the exchange writes the liquidation on the
    counterparty's fill too.
#}
{% macro is_own_liquidation() -%}
    coalesce(lower(liquidation ->> 'liquidatedUser') = lower(user_address), false)
{%- endmacro %}
