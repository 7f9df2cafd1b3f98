{% macro interval_units(interval, unit) -%}
    {%- set in_unit = {'us': 1, 'ms': 1000, 's': 1000000} -%}
    {%- if unit not in in_unit -%}
        {%- do exceptions.raise_compiler_error(
            "Unknown time unit '" ~ unit ~ "'; use one of " ~ in_unit | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- set microseconds = {
        'us': 1, 'microsecond': 1,
        'ms': 1000, 'millisecond': 1000,
        's': 1000000, 'sec': 1000000, 'second': 1000000,
        'min': 60000000, 'minute': 60000000,
        'hour': 3600000000,
        'day': 86400000000,
        'week': 604800000000,
    } -%}

    {%- set text = interval | string | trim | lower -%}
    {%- set wrong = "'" ~ interval ~ "' is no interval of a fixed length: write a number and"
        ~ " a unit up to weeks, as in '1 day' or '90 minutes'." -%}
    {%- if not modules.re.fullmatch('(\\d+\\s+[a-z]+\\s*)+', text) -%}
        {%- do exceptions.raise_compiler_error(wrong) -%}
    {%- endif -%}

    {%- set total = namespace(value=0) -%}
    {%- for number, word in modules.re.findall('(\\d+)\\s+([a-z]+)', text) -%}
        {%- set name = word if word in microseconds else word[:-1] -%}
        {%- if name not in microseconds or (name != word and not word.endswith('s')) -%}
            {%- do exceptions.raise_compiler_error(wrong) -%}
        {%- endif -%}
        {%- set total.value = total.value + (number | int) * microseconds[name] -%}
    {%- endfor -%}

    {%- if total.value == 0 or total.value % in_unit[unit] != 0 -%}
        {%- do exceptions.raise_compiler_error(
            "'" ~ interval ~ "' is not a positive whole number of " ~ unit ~ ", the unit of"
            ~ " this table's time."
        ) -%}
    {%- endif -%}
    {{ return(total.value // in_unit[unit]) }}
{%- endmacro %}
