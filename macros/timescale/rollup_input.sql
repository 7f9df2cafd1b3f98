{% macro rollup_input(node) -%}
    {%- set names = node.depends_on.nodes -%}
    {%- set below = graph.nodes.get(names[0]) if names | length == 1 else none -%}
    {%- if names | length == 1 and names[0] in graph.sources -%}
        {{ return(input_from_source(graph.sources[names[0]])) }}
    {%- elif below is not none and below.resource_type == 'model'
        and below.config.materialized == 'continuous_aggregate'
    -%}
        {{ return(input_from_rollup(below)) }}
    {%- endif -%}
    {%- do exceptions.raise_compiler_error(
        "A continuous aggregate reads exactly one source(), or exactly one ref() to"
        ~ " another continuous aggregate; " ~ node.name ~ " depends on: "
        ~ names | join(', ') ~ "."
    ) -%}
{%- endmacro %}


{% macro input_from_source(source) -%}
    {%- set relation = source.schema ~ '.' ~ source.identifier -%}
    {%- set timescale = source.config.meta.get('timescale', {}) -%}
    {%- if timescale.get('time_column') is none -%}
        {%- do exceptions.raise_compiler_error(
            "Source " ~ relation ~ " has no config.meta.timescale.time_column, so it"
            ~ " cannot be rolled up over time."
        ) -%}
    {%- endif -%}
    {{ return({
        'source': relation,
        'time_column': timescale['time_column'],
        'time_unit': timescale.get('time_unit'),
        'input': relation,
        'input_name': source.identifier,
        'input_relation': source.relation_name,
        'input_column': timescale['time_column'],
        'input_retention': timescale.get('retention'),
        'input_bucket': none,
        'parent': none,
    }) }}
{%- endmacro %}


{#
    A rollup of a rollup: its time column is the bucket of the one below.
#}
{% macro input_from_rollup(below) -%}
    {%- set timescale = below.config.get('meta', {}).get('timescale', {}) -%}
    {%- set relation = below.schema ~ '.' ~ below.alias -%}
    {%- set root = rollup_input(below) -%}
    {{ return(dict(
        root,
        input=relation,
        input_name=below.alias,
        input_relation=below.relation_name,
        input_column=timescale['bucket'],
        input_retention=timescale.get('retention'),
        input_bucket=timescale['bucket_interval'],
        parent=relation
    )) }}
{%- endmacro %}


{% macro assert_buckets_nest(interval, below, interval_below) -%}
    {%- if is_calendar_interval(interval) or is_calendar_interval(interval_below) -%}
        {{ return('') }}
    {%- endif -%}
    {%- if interval_units(interval, 'us') % interval_units(interval_below, 'us') != 0 -%}
        {%- do exceptions.raise_compiler_error(
            model.name ~ " has buckets of " ~ interval ~ ", which is no whole number of"
            ~ " the buckets of " ~ interval_below ~ " it reads from " ~ below ~ ". Make"
            ~ " bucket_interval a multiple of " ~ interval_below ~ "."
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro is_calendar_interval(interval) -%}
    {{ return(modules.re.search('mon|year', interval | lower) is not none) }}
{%- endmacro %}
