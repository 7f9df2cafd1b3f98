{#
    The fee in USD, or another column's part of it; 0 where none was reported, negative for a
    rebate.
#}
{% macro fee_usd(fee='fee') -%}
    coalesce(case when {{ fee_in_base() }} then {{ fee }} * px else {{ fee }} end, 0)
{%- endmacro %}
