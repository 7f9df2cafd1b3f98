{#
    True for vault netting: positions move between accounts without a trade. `dir` may be
    NULL, the result is not.
#}
{% macro is_transfer(dir='dir') -%}
    coalesce({{ dir }} = 'Net Child Vaults', false)
{%- endmacro %}
