{#
    The checked config of a rollup model, as a dictionary:

        config(
            unique_key=['day', 'user_address'],
            meta={'timescale': {
                'bucket': 'day',
                'bucket_interval': '1 day',
                'refresh_policy': {…},         optional, a job on Community only
                'materialized_only': true,     optional, Community only
                'columnstore': {…},            optional, Community only
                'retention': {…},              optional
            }},
        )

    The time column and its unit come from the source's YAML. `source` and `time_column`
    are always those of the raw table, whose loads drive the refreshes; `input` and
    `input_column` are those of the relation that the query reads, the raw table or the
    rollup below. `consumer` is this rollup as `schema.name`: the consumer of the loads in
    ingestion.applied_loads.
#}
{% macro rollup_spec() -%}
    {%- set settings = config.get('meta', {}).get('timescale', {}) -%}
    {%- do assert_rollup_settings(settings) -%}
    {%- set input = rollup_input(model) -%}
    {%- if input['parent'] is not none -%}
        {%- do assert_buckets_nest(
            settings['bucket_interval'], input['parent'], input['input_bucket']
        ) -%}
    {%- endif -%}
    {#- Up to release 0.2.0 the rendered query contained this comment, so the stored hash
        includes it. -#}
    {%- set marked = rendered_with(
        'true /* rollup_filter ' ~ input['input_column'] ~ ' */'
    ) -%}
    {%- if marked['columns'] | unique | list != [input['input_column']] -%}
        {%- do exceptions.raise_compiler_error(
            "The WHERE of a continuous aggregate must contain {{ rollup_filter('"
            ~ input['input_column'] ~ "') }}: without it a refresh would read the"
            ~ " whole source."
        ) -%}
    {%- endif -%}

    {%- set consumer = this.schema ~ '.' ~ this.identifier -%}
    {%- set policy = settings.get('refresh_policy') -%}
    {%- if policy is not none -%}
        {%- set policy = dict(
            policy,
            start_offset=guarded_start_offset(consumer, settings, input),
            buckets_per_batch=buckets_per_batch(settings['bucket_interval'])
        ) -%}
    {%- endif -%}

    {%- set definition = made_of(without_empty_limit(sql), {
        'unique_key': config.get('unique_key'),
        'bucket_interval': settings['bucket_interval'],
    }) -%}
    {%- set spec = {
        'consumer': consumer,
        'bucket': settings['bucket'],
        'bucket_interval': settings['bucket_interval'],
        'unique_key': config.get('unique_key'),
        'refresh_policy': policy,
        'columnstore': settings.get('columnstore'),
        'retention': settings.get('retention'),
        'materialized_only': settings.get('materialized_only', true),
        'made_of': definition,
        'fingerprint': rollup_fingerprint(definition['query'], settings),
        'old_fingerprints': [
            rollup_fingerprint(without_empty_limit(marked['query']), settings),
            rollup_fingerprint(made_of(without_empty_limit(marked['query']))['query'], settings),
        ],
    } -%}
    {%- set upstream = [input['parent']] if input['parent'] is not none else [] -%}
    {%- do spec.update(
        input,
        upstream=upstream,
        waits_for={input['source']: upstream},
        follows_builds=true
    ) -%}
    {{ return(spec) }}
{%- endmacro %}


{% macro rollup_fingerprint(query, settings) -%}
    {{ return('rollup:' ~ local_md5(
        query ~ config.get('unique_key') ~ settings['bucket_interval']
    )) }}
{%- endmacro %}


{#
    Stops on a misspelt, missing or mistyped setting.
#}
{% macro assert_rollup_settings(settings) -%}
    {%- set known = [
        'bucket', 'bucket_interval', 'refresh_policy', 'materialized_only',
        'columnstore', 'retention',
    ] -%}
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
    {%- if settings.get('materialized_only', true) is not boolean -%}
        {%- do exceptions.raise_compiler_error(
            "meta.timescale.materialized_only must be true or false, without quotes; it"
            ~ " is '" ~ settings['materialized_only'] ~ "'."
        ) -%}
    {%- endif -%}

    {%- set unique_key = config.get('unique_key') -%}
    {%- if unique_key is none or unique_key is string
        or settings['bucket'] not in unique_key
    -%}
        {%- do exceptions.raise_compiler_error(
            "unique_key must be the list of the grain's columns, the bucket column '"
            ~ settings['bucket'] ~ "' among them; it is " ~ unique_key ~ "."
        ) -%}
    {%- endif -%}
    {%- for index in config.get('indexes') or [] if index.get('unique') -%}
        {%- do exceptions.raise_compiler_error(
            "The index on (" ~ index['columns'] | join(', ') ~ ") is declared unique, but"
            ~ " the one thing unique in a rollup is its grain, unique_key, which needs no"
            ~ " index of its own. Leave `unique` out."
        ) -%}
    {%- endfor -%}
{%- endmacro %}
