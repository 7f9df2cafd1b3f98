{#
    True where the fee was taken in the coin that was bought: spot buys, unless the fee's
    token is one of the variable `quote_tokens`.
#}
{% macro fee_in_base() -%}
    (
        {{ is_spot('coin') }}
        and side = 'B'
        and coalesce(
            fee_token not in ('{{ var("quote_tokens") | join("', '") }}'), true
        )
    )
{%- endmacro %}
