{#
    The fee in USD, or the part of it in another column; 0 if none was reported, negative for
    a rebate.
#}
{% macro fee_usd(fee='fee') -%}
    coalesce(case when {{ fee_in_base() }} then {{ fee }} * px else {{ fee }} end, 0)
{%- endmacro %}
