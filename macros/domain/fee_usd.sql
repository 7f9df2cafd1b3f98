{#
    The fee in USD; 0 where none was reported, negative for a rebate.
#}
{% macro fee_usd() -%}
    coalesce(case when {{ fee_in_base() }} then fee * px else fee end, 0)
{%- endmacro %}
