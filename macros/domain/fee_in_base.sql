{#
    True where the fee was taken in the coin that was bought: every spot buy pays in the
    token that it receives, a stable coin too. `fee_token` does not matter: the name of a
    pair (`@230`) does not tell which token is bought, the side does.
#}
{% macro fee_in_base() -%}
    ({{ is_spot('coin') }} and side = 'B')
{%- endmacro %}
