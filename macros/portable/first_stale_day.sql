{#
    Stands where a model says from which day on its rows are to be computed, less `back`
    days, in the type of the column it is compared with: 'date', 'timestamptz' or 'ms',
    milliseconds since the epoch. By itself it is earlier than any day. When only a part of
    the rows is stale, the `sync` strategy replaces it by the day from which they are (see
    loads_spec), and so nothing before is read.
#}
{% macro first_stale_day(back=0, unit='date') -%}
    {%- set earliest = {
        'date': "'-infinity'::date",
        'timestamptz': "'-infinity'::timestamptz",
        'ms': "'-9223372036854775808'::bigint",
    } -%}
    {%- if unit not in earliest or back is not integer or back < 0 -%}
        {%- do exceptions.raise_compiler_error(
            "first_stale_day(back=" ~ back ~ ", unit='" ~ unit ~ "'): back must be a whole"
            ~ " number of days, unit one of " ~ earliest.keys() | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {{ earliest[unit] }} /* first_stale_day {{ unit }} {{ back }} */
{%- endmacro %}
