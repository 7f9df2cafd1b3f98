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
    {%- if given is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- if config.get('incremental_strategy') != 'sync'
        or config.get('sql_header') is not none
    -%}
        {%- do exceptions.raise_compiler_error(
            "meta.loads of " ~ model.name ~ " wants incremental_strategy: sync, and no"
            ~ " sql_header: put what the header says into a pre_hook."
        ) -%}
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
    {{ return({
        'consumer': this.schema ~ '.' ~ this.identifier,
        'source': given['relation'],
        'stale_from': given.get('stale_from'),
        'touched': given.get('touched'),
        'unique_key': key,
        'upstream': upstream_of_loads([given['relation']]),
        'follows_builds': false,
        'made_of': made,
        'fingerprint': local_md5(made['query']),
        'old_fingerprints': [local_md5(sql)],
    }) }}
{%- endmacro %}


{#
    The models that this one reads and that take in loads, as `schema.name`: those behind
    its ephemeral steps and views, and those that an incremental SQL model among them reads,
    too, whose own fingerprint says nothing of their rules. Stops at what else is made of
    the loaded relations: nobody knows which loads its rows contain.
#}
{% macro upstream_of_loads(relations, node=model) -%}
    {%- set names = [] -%}
    {%- for above in nodes_read(node, ['ephemeral', 'view'])
        if above.resource_type != 'source'
    -%}
        {%- set kind = above.config.materialized -%}
        {%- set has_loads = kind == 'incremental' and above.language == 'sql'
            and above.config.get('meta', {}).get('loads') is not none -%}
        {%- if has_loads or kind == 'continuous_aggregate'
            or (kind == 'incremental' and above.language == 'python')
        -%}
            {%- do names.append(above.schema ~ '.' ~ above.alias) -%}
        {%- elif is_made_from(above, relations) -%}
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
    Whether a node's rows come from one of these relations, through whatever lies between.
#}
{% macro is_made_from(node, relations) -%}
    {%- for id in node.depends_on.get('nodes', []) -%}
        {%- set source = graph.sources.get(id) -%}
        {%- if (source and (source.schema ~ '.' ~ source.identifier) in relations)
            or (id in graph.nodes and is_made_from(graph.nodes[id], relations))
        -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
