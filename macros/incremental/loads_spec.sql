{#
    What an incremental SQL model of the strategy `sync` declares that takes in loads, as a
    dictionary; none for one that does not:

        config(
            materialized='incremental',
            incremental_strategy='sync',
            unique_key=['as_of_date', 'coin'],
            meta={'loads': {
                'relation': 'hyperliquid.fills',   or a list of them
                'stale_from': 'as_of_date',    its rows depend on that day and earlier
                                               ones: first_stale_day(). A date of the key,
                                               or a timestamptz, where NULL is after all
                                               days; or
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
        or (given.get('touched') is not none and given['relation'] is not string)
    -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " must have relation and either stale_from or"
            ~ " touched, the latter with one relation"
            ~ (", not " ~ unknown | join(', ') if unknown else "") ~ "."
        ) -%}
    {%- endif -%}

    {%- set key = config.get('unique_key') or [] -%}
    {%- set key = [key] if key is string else key | list -%}
    {%- if given.get('touched', key | first) not in key -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " names " ~ given['touched']
            ~ ", which must be a column of its unique_key."
        ) -%}
    {%- endif -%}
    {%- set made = made_of(sql) -%}
    {%- set relations = [given['relation']] if given['relation'] is string
        else given['relation'] -%}
    {%- set waits_for = {} -%}
    {%- for relation in relations -%}
        {%- do waits_for.update({relation: upstream_of_loads(source_called(relation))}) -%}
    {%- endfor -%}
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
        'source': relations | first,
        'waits_for': waits_for,
        'stale_from': given.get('stale_from'),
        'touched': given.get('touched'),
        'unique_key': key,
        'upstream': waits_for.values() | sum(start=[]) | unique | list,
        'follows_builds': false,
        'made_of': made,
        'fingerprint': local_md5(made['query']),
        'old_fingerprints': [local_md5(sql)],
    }) }}
{%- endmacro %}


{#
    The models that this one reads and that take in loads of a source, as `schema.name`:
    those behind its ephemeral steps and views, and those that an incremental SQL model
    among them reads, too, whose own fingerprint says nothing of their rules.
#}
{% macro upstream_of_loads(source, node=model) -%}
    {%- set names = [] -%}
    {%- for above in nodes_read(node)
        if above.resource_type == 'model' and is_made_of(above, source)
    -%}
        {%- if above.config.materialized in ['continuous_aggregate', 'incremental'] -%}
            {%- do names.append(above.schema ~ '.' ~ above.alias) -%}
        {%- endif -%}
        {%- if above.config.materialized == 'view' or (
            above.config.materialized == 'incremental' and above.language == 'sql'
        ) -%}
            {%- do names.extend(upstream_of_loads(source, above)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names | unique | list) }}
{%- endmacro %}


{#
    Whether a model reads a source, by itself or through others.
#}
{% macro is_made_of(node, source) -%}
    {%- for above in nodes_read(node) -%}
        {%- if above.unique_id == source.unique_id
            or (above.resource_type == 'model' and is_made_of(above, source))
        -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
