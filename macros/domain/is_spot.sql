{#
    True for spot coins (`@142`, `PURR/USDC`).
#}
{% macro is_spot(coin='coin') -%}
    ({{ coin }} like '@%' or {{ coin }} like '%/%')
{%- endmacro %}
