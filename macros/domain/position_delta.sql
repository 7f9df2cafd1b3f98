{#
    What the fill added to the position: its signed size, less the fee where that was taken
    in the coin itself.
#}
{% macro position_delta() -%}
    (
        {{ signed_size() }}
        - case when {{ fee_in_base() }} then coalesce(fee, 0) else 0 end
    )
{%- endmacro %}
