{#
    True for the fills that count for PnL, fees and USD volume: no outcome coin and no
    transfer.
#}
{% macro is_trade() -%}
    not {{ is_outcome('coin') }} and not {{ is_transfer('dir') }}
{%- endmacro %}
