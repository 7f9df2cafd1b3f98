{#- The factor with 30 places gives the quotient 30 places; otherwise it has 16 digits. -#}
{% macro average_price(notional, size) -%}
    trim_scale(
        round({{ notional }} * 1.000000000000000000000000000000 / nullif({{ size }}, 0), 12)
    )
{%- endmacro %}
