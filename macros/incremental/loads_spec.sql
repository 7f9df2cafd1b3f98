{#
    What an incremental SQL model of the strategy `sync` declares that takes in loads, as a
    dictionary; none for one that does not:

        config(
            materialized='incremental',
            incremental_strategy='sync',
            unique_key=['as_of_date', 'coin'],
            meta={'loads': {
                'relation': 'hyperliquid.fills',
                'stale_from': 'as_of_date',    a date: its rows depend on that day and
                                               earlier ones: first_stale_day(); or
                'touched': 'user_address',     a column of `relation` and of the model: a
                                               row depends on what has the same value:
                                               touched_rows()
            }},
        )

    Its rows of earlier days it may read as {{ this }}, if it is under contract. The
    fingerprint is that of the model's whole SQL, variables filled in, without the
    database's name; old_fingerprints, of earlier releases, are with it. `upstream` are
    the models it reads that take in loads themselves.
#}
{% macro loads_spec() -%}
    {%- set given = config.get('meta', {}).get('loads') -%}
    {%- if given is none or config.get('incremental_strategy') != 'sync' -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set known = ['relation', 'stale_from', 'touched'] -%}
    {%- set unknown = given.keys() | reject('in', known) | list -%}
    {%- if unknown | length > 0 or given.get('relation') is none
        or (given.get('stale_from') is none) == (given.get('touched') is none)
    -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " must have relation and either stale_from or"
            ~ " touched" ~ (", not " ~ unknown | join(', ') if unknown else "") ~ "."
        ) -%}
    {%- endif -%}

    {%- set key = config.get('unique_key') or [] -%}
    {%- set key = [key] if key is string else key | list -%}
    {%- set scoped = given.get('stale_from') or given.get('touched') -%}
    {%- if scoped not in key -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " names " ~ scoped
            ~ ", which must be a column of its unique_key."
        ) -%}
    {%- endif -%}
    {%- set made = made_of(sql) -%}
    {%- do source_called(given['relation']) -%}
    {%- if given.get('touched') is not none -%}
        {%- if '__dbt__cte__' in sql -%}
            {%- do exceptions.raise_compiler_error(
                model.name ~ " reads an ephemeral model, which cannot be rendered again for"
                ~ " what loads touched: make that one a view, or use stale_from."
            ) -%}
        {%- endif -%}
        {%- set columns = rendered_with('true')['columns'] -%}
        {%- for column in columns or ['none'] if column.split('.')[-1] != given['touched'] -%}
            {%- do exceptions.raise_compiler_error(
                "meta.loads of " ~ model.name ~ " says that loads touch "
                ~ given['touched'] ~ ", so its WHERE must contain {{ touched_rows('"
                ~ given['touched'] ~ "') }}; it has a condition on " ~ column ~ "."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return({
        'consumer': this.schema ~ '.' ~ this.identifier,
        'source': given['relation'],
        'stale_from': given.get('stale_from'),
        'touched': given.get('touched'),
        'unique_key': key,
        'upstream': upstream_of_loads(),
        'follows_builds': false,
        'made_of': made,
        'fingerprint': local_md5(made['query']),
        'old_fingerprints': [local_md5(sql)],
    }) }}
{%- endmacro %}


{#
    The models that this one reads and that take in loads, as `schema.name`: those behind
    its ephemeral steps and views, and those that an incremental SQL model among them reads,
    too, whose own fingerprint says nothing of their rules.
#}
{% macro upstream_of_loads(node=model) -%}
    {%- set names = [] -%}
    {%- for above in nodes_read(node) if above.resource_type == 'model' -%}
        {%- if above.config.materialized in ['continuous_aggregate', 'incremental'] -%}
            {%- do names.append(above.schema ~ '.' ~ above.alias) -%}
        {%- endif -%}
        {%- if above.config.materialized == 'view' or (
            above.config.materialized == 'incremental' and above.language == 'sql'
        ) -%}
            {%- do names.extend(upstream_of_loads(above)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names | unique | list) }}
{%- endmacro %}
