{#
    What a rollup model declares, checked, as a dictionary:

        config(
            unique_key=['day', 'user_address'],
            meta={'timescale': {
                'bucket': 'day',
                'bucket_interval': '1 day',
                'refresh_policy': {…},         optional, Community only
                'materialized_only': true,     optional, Community only
            }},
        )

    The time column and its unit come from the source's YAML.
#}
{% macro rollup_spec() -%}
    {%- set settings = config.get('meta', {}).get('timescale', {}) -%}
    {%- set known = ['bucket', 'bucket_interval', 'refresh_policy', 'materialized_only'] -%}
    {%- for key in settings if key not in known -%}
        {%- do exceptions.raise_compiler_error(
            "Unknown key '" ~ key ~ "' in meta.timescale; known are "
            ~ known | join(', ') ~ "."
        ) -%}
    {%- endfor -%}
    {%- for key in ['bucket', 'bucket_interval'] if settings.get(key) is none -%}
        {%- do exceptions.raise_compiler_error(
            "A continuous aggregate needs meta.timescale." ~ key ~ ", as in"
            ~ " meta={'timescale': {'bucket': 'day', 'bucket_interval': '1 day'}}."
        ) -%}
    {%- endfor -%}

    {%- set unique_key = config.get('unique_key') -%}
    {%- if unique_key is none or unique_key is string
        or settings['bucket'] not in unique_key
    -%}
        {%- do exceptions.raise_compiler_error(
            "unique_key must be the list of the grain's columns, the bucket column '"
            ~ settings['bucket'] ~ "' among them; it is " ~ unique_key ~ "."
        ) -%}
    {%- endif -%}

    {%- set source = rollup_source() -%}
    {%- set timescale = source.config.meta['timescale'] -%}
    {%- if rollup_filter(timescale['time_column']) not in sql -%}
        {%- do exceptions.raise_compiler_error(
            "The WHERE of a continuous aggregate must contain {{ rollup_filter('"
            ~ timescale['time_column'] ~ "') }}: without it a refresh would read the"
            ~ " whole source."
        ) -%}
    {%- endif -%}

    {%- set policy = settings.get('refresh_policy') -%}
    {%- if policy is not none and policy.get('start_offset') is none
        and timescale.get('retention') is not none
    -%}
        {%- do exceptions.raise_compiler_error(
            "refresh_policy has no start_offset, but " ~ source.schema ~ "."
            ~ source.identifier ~ " keeps its rows for " ~ timescale['retention']
            ~ " only: a refresh would delete the aggregates of dropped rows. Set"
            ~ " start_offset to less than that."
        ) -%}
    {%- endif -%}

    {{ return({
        'consumer': this.schema ~ '.' ~ this.identifier,
        'source': source.schema ~ '.' ~ source.identifier,
        'time_column': timescale['time_column'],
        'time_unit': timescale.get('time_unit'),
        'bucket': settings['bucket'],
        'bucket_interval': settings['bucket_interval'],
        'unique_key': unique_key,
        'refresh_policy': policy,
        'materialized_only': settings.get('materialized_only', true),
        'fingerprint': local_md5(sql ~ unique_key ~ settings['bucket_interval']),
    }) }}
{%- endmacro %}


{#
    The one source a rollup reads, as it stands in `graph`.
#}
{% macro rollup_source() -%}
    {%- set names = [] -%}
    {%- for unique_id in model.depends_on.nodes if unique_id in graph.sources -%}
        {%- do names.append(unique_id) -%}
    {%- endfor -%}
    {%- if names | length != 1 or model.depends_on.nodes | length != 1 -%}
        {%- do exceptions.raise_compiler_error(
            "A continuous aggregate reads exactly one source() and no ref(); this one"
            ~ " depends on: " ~ model.depends_on.nodes | join(', ') ~ "."
        ) -%}
    {%- endif -%}
    {%- set source = graph.sources[names[0]] -%}
    {%- if source.config.meta.get('timescale', {}).get('time_column') is none -%}
        {%- do exceptions.raise_compiler_error(
            "Source " ~ source.schema ~ "." ~ source.identifier ~ " has no"
            ~ " config.meta.timescale.time_column, so it cannot be rolled up over time."
        ) -%}
    {%- endif -%}
    {{ return(source) }}
{%- endmacro %}
