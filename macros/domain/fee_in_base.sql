{#
    True if the fee was taken in the coin that was bought: every spot buy pays its fee in the
    token that it receives, also if that is a stable coin. `fee_token` is not used: the name
    of a pair (`@230`) does not contain its base token, so only the side is reliable.
#}
{% macro fee_in_base() -%}
    ({{ is_spot('coin') }} and side = 'B')
{%- endmacro %}
