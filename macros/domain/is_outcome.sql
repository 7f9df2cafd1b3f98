{#
    True for outcome coins (`#12`), which stay out of PnL and volume.
#}
{% macro is_outcome(coin='coin') -%}
    {{ coin }} like '#%'
{%- endmacro %}
