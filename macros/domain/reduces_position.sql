{#
    True for fills that go against the position that was there, a flip too; NULL where
    `start_position` is.
#}
{% macro reduces_position() -%}
    start_position * {{ signed_size() }} < 0
{%- endmacro %}
