{#
    The change of the position by the fill: its signed size, minus the fee if that was taken
    in the coin itself.
#}
{% macro position_delta() -%}
    (
        {{ signed_size() }}
        - case when {{ fee_in_base() }} then coalesce(fee, 0) else 0 end
    )
{%- endmacro %}
