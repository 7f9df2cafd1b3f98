{% macro interval_bounds(interval) -%}
    {%- set calendar = {'month': (28, 31), 'mon': (28, 31), 'year': (365, 366)} -%}
    {%- set total = namespace(shortest=0, longest=0, fixed=[]) -%}
    {%- for number, word in modules.re.findall(
        '(\\d+)\\s+([a-z]+)', interval | string | trim | lower
    ) -%}
        {%- set name = word[:-1] if word.endswith('s') and word != 's' else word -%}
        {%- if name in calendar -%}
            {%- set days = calendar[name] -%}
            {%- set total.shortest = total.shortest + (number | int) * days[0] -%}
            {%- set total.longest = total.longest + (number | int) * days[1] -%}
        {%- else -%}
            {%- do total.fixed.append(number ~ ' ' ~ word) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- set day = 86400000000 -%}
    {%- if total.fixed | length > 0 or total.longest == 0 -%}
        {%- set rest = total.fixed | join(' ') if total.longest > 0 else interval -%}
        {%- set fixed = interval_units(rest, 'us') -%}
    {%- else -%}
        {%- set fixed = 0 -%}
    {%- endif -%}
    {{ return((total.shortest * day + fixed, total.longest * day + fixed)) }}
{%- endmacro %}


{% macro round_interval(microseconds, up=false) -%}
    {%- for size in [86400000000, 3600000000, 60000000, 1000000, 1000]
        if microseconds % size == 0 or microseconds >= 10 * size
    -%}
        {%- set number = (microseconds + (size - 1 if up else 0)) // size -%}
        {{ return(human_interval(number * size)) }}
    {%- endfor -%}
    {{ return(human_interval(microseconds)) }}
{%- endmacro %}


{% macro human_interval(microseconds) -%}
    {%- for name, size in [
        ('day', 86400000000), ('hour', 3600000000), ('minute', 60000000),
        ('second', 1000000), ('millisecond', 1000), ('microsecond', 1),
    ] -%}
        {%- if microseconds % size == 0 -%}
            {%- set number = microseconds // size -%}
            {{ return(number ~ ' ' ~ name ~ ('s' if number != 1 else '')) }}
        {%- endif -%}
    {%- endfor -%}
{%- endmacro %}
