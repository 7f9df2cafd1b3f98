{#
    The checked meta.loads of an incremental SQL model with the strategy `sync`, as a
    dictionary; none if the model has no meta.loads:

        config(
            materialized='incremental',
            incremental_strategy='sync',
            unique_key=['as_of_date', 'coin'],
            meta={'loads': {
                'relation': 'hyperliquid.fills',   or a list of them
                'stale_from': 'as_of_date',    its rows depend on that day and earlier
                                               ones: first_stale_day(). A date of the key,
                                               or a timestamptz, where NULL is after all
                                               days;
                'days_before': 1,              recompute this many days more: a load also
                                               changes this many days before its first
                                               row, and the last days of the table, where
                                               a value needs later fills;
                'has_empty_days': true,        days may have no rows, so the end of the
                                               computed range is read from the load log
                                               and not from the newest row; or
                'touched': 'user_address',     a column of `relation` and of the model: a
                                               row depends on all source rows with the
                                               same value: touched_rows()
            }},
        )

    The model may read its own rows of earlier days through {{ this }}, if it has an
    enforced contract.

    In the result, `consumer` is this model as `schema.name`: the consumer of the loads in
    ingestion.applied_loads. `fingerprint` is the hash of the rendered SQL without the name
    of the database, and of the rows of its seeds (see model_state). `old_fingerprints` has
    the hashes that earlier releases stored for the same SQL. `upstream` has the models
    that this one reads and that record applied loads themselves.
#}
{% macro loads_spec() -%}
    {%- set given = config.get('meta', {}).get('loads') -%}
    {%- if given is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if config.get('incremental_strategy') != 'sync'
        or config.get('sql_header') is not none
    -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " needs incremental_strategy: sync, and no"
            ~ " sql_header: put what the header says into a pre_hook."
        ) -%}
    {%- endif -%}
    {%- set known = [
        'relation', 'stale_from', 'days_before', 'has_empty_days', 'touched'
    ] -%}
    {%- set unknown = given.keys() | reject('in', known) | list -%}
    {%- if unknown | length > 0 or given.get('relation') is none
        or (given.get('stale_from') is none) == (given.get('touched') is none)
        or (given.get('touched') is not none and given['relation'] is not string)
        or (given.get('touched') is not none and (
            given.get('days_before') is not none or given.get('has_empty_days') is not none
        ))
    -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " must have relation and either stale_from,"
            ~ " with or without days_before and has_empty_days, or touched with one relation"
            ~ (", not " ~ unknown | join(', ') if unknown else "") ~ "."
        ) -%}
    {%- endif -%}

    {%- set key = config.get('unique_key') or [] -%}
    {%- set key = [key] if key is string else key | list -%}
    {%- if given.get('touched') is not none and given['touched'] not in key -%}
        {%- do refuse_key(given['touched']) -%}
    {%- elif key | length == 0 -%}
        {%- do refuse_key(given['stale_from']) -%}
    {%- endif -%}
    {%- set definition = made_of(sql) -%}
    {%- set relations = [given['relation']] if given['relation'] is string
        else given['relation'] -%}
    {%- set waits_for = {} -%}
    {%- for relation in relations -%}
        {%- do source_called(relation) -%}
        {%- do waits_for.update({relation: upstream_of_loads([relation])}) -%}
    {%- endfor -%}
    {%- if given.get('touched') is not none -%}
        {%- if '__dbt__cte__' in sql -%}
            {%- do exceptions.raise_compiler_error(
                model.name ~ " reads an ephemeral model, which cannot be rendered again for"
                ~ " what loads touched: make that one a view, or use stale_from."
            ) -%}
        {%- endif -%}
        {%- set columns = rendered_with('true')['columns'] -%}
        {%- for column in columns or ['none']
            if (column.split('.')[-1] | replace('"', '')) != given['touched']
        -%}
            {%- do exceptions.raise_compiler_error(
                "meta.loads of " ~ model.name ~ " says that loads touch "
                ~ given['touched'] ~ ", so its WHERE must contain {{ touched_rows('"
                ~ given['touched'] ~ "') }}; it has a condition on " ~ column ~ "."
            ) -%}
        {%- endfor -%}
    {%- endif -%}
    {#- 'source': with has_empty_days, the loads of the first relation say how far the table
        was computed. -#}
    {{ return({
        'consumer': this.schema ~ '.' ~ this.identifier,
        'source': relations | first,
        'waits_for': waits_for,
        'stale_from': given.get('stale_from'),
        'days_before': given.get('days_before', 0) | int,
        'has_empty_days': given.get('has_empty_days', false),
        'touched': given.get('touched'),
        'unique_key': key,
        'seeds': nodes_read(model, ['ephemeral', 'view'])
            | selectattr('resource_type', 'equalto', 'seed') | list,
        'upstream': waits_for.values() | sum(start=[]) | unique | list,
        'follows_builds': false,
        'made_of': definition,
        'fingerprint': local_md5(definition['query']),
        'old_fingerprints': [local_md5(sql)],
    }) }}
{%- endmacro %}


{% macro refuse_key(column) -%}
    {%- do exceptions.raise_compiler_error(
        "meta.loads of " ~ model.name ~ " names " ~ column
        ~ ", which must be a column of its unique_key."
    ) -%}
{%- endmacro %}


{#
    The models that this one reads and that record applied loads of these relations, as
    `schema.name`. It looks through ephemeral models and views. It also follows incremental
    SQL models with meta.loads, because their fingerprint does not contain the definitions
    of the models that they read. Raises an error for any other model made of these
    relations: it does not record which loads its rows contain.
#}
{% macro upstream_of_loads(relations, node=model) -%}
    {%- set names = [] -%}
    {%- for above in nodes_read(node, ['ephemeral', 'view'])
        if above.resource_type != 'source' and is_made_from(above, relations)
    -%}
        {%- set kind = above.config.materialized -%}
        {%- set has_loads = kind == 'incremental' and above.language == 'sql'
            and above.config.get('meta', {}).get('loads') is not none -%}
        {%- if has_loads or kind == 'continuous_aggregate'
            or (kind == 'incremental' and above.language == 'python')
        -%}
            {%- do names.append(above.schema ~ '.' ~ above.alias) -%}
        {%- else -%}
            {%- do exceptions.raise_compiler_error(
                "meta.loads of " ~ model.name ~ ": it reads " ~ above.name ~ ", a model of"
                ~ " materialized: " ~ kind ~ ", which is made of "
                ~ relations | join(' or ') ~ " but does not record which loads its rows"
                ~ " contain. Make " ~ above.name ~ " a view or a model with meta.loads, or"
                ~ " let " ~ model.name ~ " read what " ~ above.name ~ " reads."
            ) -%}
        {%- endif -%}
        {%- if has_loads -%}
            {%- do names.extend(upstream_of_loads(relations, above)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(names | unique | list) }}
{%- endmacro %}


{#
    Whether a node's rows come from one of these relations, directly or through other models.
    `seen` has the ids of nodes that were looked at.
#}
{% macro is_made_from(node, relations, seen=[]) -%}
    {%- for id in node.depends_on.get('nodes', []) if id not in seen -%}
        {%- do seen.append(id) -%}
        {%- set source = graph.sources.get(id) -%}
        {%- if (source and (source.schema ~ '.' ~ source.identifier) in relations)
            or (id in graph.nodes and is_made_from(graph.nodes[id], relations, seen))
        -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
