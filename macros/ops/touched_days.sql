{#
    A condition on times of fills: true on the days (UTC) that the newest loads of fills
    touched, from the last load back until their total span reaches `tested_fill_span`, or on
    all days with `all`. So a test costs the same on a billion fills as on a million, and
    over several builds every load is tested, late ones included.

    It uses literals and not a subquery, so that the server reads no other part of a table.
    It is false if nothing was loaded, and for days with dropped fills. `unit` is that of the
    column: 'ms' since the epoch, 'date' or 'timestamptz'.
#}
{% macro touched_days(column, unit='ms') -%}
    {%- set types = {'ms': 'bigint', 'date': 'date', 'timestamptz': 'timestamptz'} -%}
    {%- if unit not in types -%}
        {%- do exceptions.raise_compiler_error(
            "touched_days('" ~ column ~ "', '" ~ unit ~ "'): unit must be one of "
            ~ types.keys() | join(', ') ~ "."
        ) -%}
    {%- elif not execute or not flags.INTROSPECT -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set days = touched_day_ranges() -%}
    {%- if days is none -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set ranges = [] -%}
    {%- for range in days -%}
        {%- set ends = [] -%}
        {%- for ms in range -%}
            {%- do ends.append("'" ~ ms_literal(ms, unit) ~ "'::" ~ types[unit]) -%}
        {%- endfor -%}
        {%- do ranges.append(ends) -%}
    {%- endfor -%}
    {{ return(in_ranges(column, ranges) if ranges | length > 0 else 'false') }}
{%- endmacro %}


{#
    The days of touched_days: a list of [from, to) in milliseconds since the epoch, whole
    days, adjacent ones merged; none for all days. Read once per run and cached in `graph`,
    like the edition.
#}
{% macro touched_day_ranges() -%}
    {%- if 'touched_day_ranges' not in graph -%}
        {%- do graph.update({'touched_day_ranges': newest_days_of_fills()}) -%}
    {%- endif -%}
    {{ return(graph['touched_day_ranges']) }}
{%- endmacro %}


{#
    Computes the result that touched_day_ranges caches.
#}
{% macro newest_days_of_fills() -%}
    {%- if adapter.get_relation(target.database, 'ingestion', 'load_log') is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set retained = retained_from('hyperliquid.fills') -%}
    {%- set ranges = [] -%}
    {%- if var('tested_fill_span') == 'all' -%}
        {%- if retained is none -%}
            {{ return(none) }}
        {%- endif -%}
        {%- do ranges.append(('0::bigint', 'extract(epoch from now())::bigint * 1000')) -%}
    {%- else -%}
        {%- set ends = "extract(epoch from touched.range_{}::timestamptz)::bigint * 1000" -%}
        {%- for row in run_query(
            'select ' ~ ends.format('from') ~ ', ' ~ ends.format('to') ~ ' from ('
            ~ newest_loads_sql('hyperliquid.fills', var('tested_fill_span'), '1 day')
            ~ ') as touched order by 1'
        ).rows -%}
            {%- do ranges.append((row[0] ~ '::bigint', row[1] ~ '::bigint')) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- set days = [] -%}
    {%- for range_from, range_to in clip_ranges(ranges, retained, '1 day', 'ms') -%}
        {%- do days.append([
            range_from | replace('::bigint', '') | replace("'", '') | int,
            range_to | replace('::bigint', '') | replace("'", '') | int,
        ]) -%}
    {%- endfor -%}
    {{ return(days) }}
{%- endmacro %}


{#
    A time in milliseconds since the epoch as the text of a literal of another unit.
#}
{% macro ms_literal(ms, unit) -%}
    {%- if unit == 'ms' -%}
        {{ return(ms) }}
    {%- endif -%}
    {%- set at = modules.datetime.datetime.fromtimestamp(
        ms // 1000, modules.pytz.utc
    ) -%}
    {{ return(at.strftime('%Y-%m-%d' if unit == 'date' else '%Y-%m-%d %H:%M:%S+00')) }}
{%- endmacro %}
