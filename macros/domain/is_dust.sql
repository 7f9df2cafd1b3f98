{#
    True for a spot dust conversion: at 00:00 UTC the exchange sells balances of less than a
    lot, without an order of the trader. `dir` may be NULL, the result is not.
#}
{% macro is_dust(dir='dir') -%}
    coalesce({{ dir }} = 'Spot Dust Conversion', false)
{%- endmacro %}
