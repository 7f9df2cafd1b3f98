{#
    The size with its sign, + for a buy and − for a sell. It uses `side`, never `dir`, whose
    set of texts may grow.
#}
{% macro signed_size() -%}
    (case when side = 'B' then sz else -sz end)
{%- endmacro %}
