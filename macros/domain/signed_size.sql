{#
    The size with its sign, + for a buy and − for a sell. From `side`, never from `dir`,
    which is an open set of wordings.
#}
{% macro signed_size() -%}
    (case when side = 'B' then sz else -sz end)
{%- endmacro %}
