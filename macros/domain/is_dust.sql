{#
    True for a spot dust conversion: at 00:00 UTC the exchange sells what is less than a
    lot. No trader asked for it. `dir` may be NULL, the result is not.
#}
{% macro is_dust(dir='dir') -%}
    coalesce({{ dir }} = 'Spot Dust Conversion', false)
{%- endmacro %}
