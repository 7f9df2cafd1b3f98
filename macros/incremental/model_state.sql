{#
    The state on the server of a model that records applied loads, read in one query. The
    caller holds the advisory lock of the model, so that no other build of it is running:

    - kind: the type of the relation with its name, 'table', 'view', 'materialized_view' or
      'continuous_aggregate', or none; existing: this relation. dbt's cache is not used: it
      does not see changes by another build, or by the swap of a rollup below;
    - primary_key: the columns of its primary key, or none;
    - definition: the fingerprint of the definition that its rows were computed with, or
      none without a record;
    - made_of: this definition itself, none if an earlier release built the model;
    - changes: the differences between this definition and the present one;
    - built_on, upstream: the versions of the models it reads, when all of its rows were
      computed and now. A version is a hash of their definitions, or the time of their last
      full build if spec['follows_builds'];
    - seeds: a hash of the rows of each seed that it reads, by name;
    - loads: ids of loads that every upstream model has applied and this one has not;
    - first_load: the day (UTC) of their first row, or none.
#}
{% macro model_state(spec) -%}
    {%- set state = fromjson(run_query(model_state_sql(spec)).rows[0][0]) -%}
    {%- if not spec['follows_builds'] -%}
        {%- do spec['made_of'].update({'rules': state['rules']}) -%}
        {%- if state['seeds'] -%}
            {%- do spec['made_of'].update({'rows': state['seeds']}) -%}
            {#- The hash of the seeds goes into the fingerprint, so that models that read this
                one see the change. -#}
            {%- do spec.update({
                'fingerprint': local_md5(spec['fingerprint'] ~ tojson(state['seeds'])),
            }) -%}
        {%- endif -%}
    {%- endif -%}
    {%- do state.update({
        'reason': none,
        'is_on_record': state['definition'] is not none,
        'existing': this.incorporate(
            type=state['kind'] | replace('continuous_aggregate', 'materialized_view')
        ) if state['kind'] is not none else none,
    }) -%}
    {%- do compare_definition(spec, state) -%}
    {{ return(state) }}
{%- endmacro %}


{% macro model_state_sql(spec) %}
    {%- set upstream = "'{" ~ spec['upstream'] | join(',') ~ "}'::text[]" %}
    with

    record as (
        select
            split_part(model_state.fingerprint, '@', 1) as definition,
            split_part(model_state.fingerprint, '@', 2) as built_on
        from ops.model_state
        where model_state.model = '{{ spec['consumer'] }}'
    ),

    above as (
        select
            model_state.model,
            split_part(model_state.fingerprint, '@', 1) as definition,
            extract(epoch from model_state.updated_at)::text as built_at
        from ops.model_state
        where model_state.model = any({{ upstream }})
    ),

    loads as (
        {%- for source, models in spec['waits_for'].items() %}
        {{ 'union all' if not loop.first }}
        select
            unapplied.load_id,
            unapplied.time_from
        from ({{ unapplied_loads(spec['consumer'], source) }}) as unapplied
        where not exists (
            select 1
            from unnest('{ {{- models | join(',') -}} }'::text[]) as reads (model)
            where not exists (
                select 1
                from ingestion.applied_loads as applied
                where
                    reads.model = applied.consumer
                    and unapplied.load_id = applied.load_id
            )
        )
        {%- endfor %}
    )

    select
        jsonb_build_object(
            'kind', (
                select
                    case
                        when {{ is_continuous_aggregate_sql() }} then 'continuous_aggregate'
                        when pg_class.relkind = 'm' then 'materialized_view'
                        when pg_class.relkind = 'v' then 'view'
                        else 'table'
                    end
                from pg_class
                inner join pg_namespace
                    on pg_class.relnamespace = pg_namespace.oid
                where
                    pg_namespace.nspname = '{{ this.schema }}'
                    and pg_class.relname = '{{ this.identifier }}'
                    and pg_class.relkind in ('r', 'p', 'v', 'm')
            ),
            'primary_key', (
                select jsonb_agg(pg_attribute.attname)
                from pg_index
                inner join pg_attribute
                    on
                        pg_index.indrelid = pg_attribute.attrelid
                        and pg_attribute.attnum = any(pg_index.indkey)
                where
                    pg_index.indrelid = to_regclass('{{ this }}')
                    and pg_index.indisprimary
            ),
            'definition', (select record.definition from record),
            'built_on', (select record.built_on from record),
            'made_of', (
                select model_builds.made_of
                from ops.model_builds
                inner join record
                    on model_builds.fingerprint = record.definition
                where model_builds.model = '{{ spec['consumer'] }}'
                order by model_builds.built_at desc
                limit 1
            ),
            'upstream', coalesce((
                select
                {%- if spec['follows_builds'] %}
                    string_agg(above.built_at, ',' order by above.model)
                {%- else %}
                    md5(string_agg(above.model || above.definition, ',' order by above.model))
                {%- endif %}
                from above
            ), ''),
            'rules', (
                select coalesce(jsonb_object_agg(above.model, above.definition), '{}')
                from above
            ),
            'seeds', jsonb_build_object(
                {%- for seed in spec.get('seeds', []) %}
                '{{ seed.schema }}.{{ seed.alias }}', (
                    select md5(string_agg(
                        seed_rows::text, e'\n' order by seed_rows::text collate "C"
                    ))
                    from {{ seed.relation_name }} as seed_rows
                ){{ ',' if not loop.last }}
                {%- endfor %}
            ),
            'loads', (select coalesce(jsonb_agg(loads.load_id), '[]') from loads),
            'first_load', (
                select (min(loads.time_from) at time zone 'utc')::date from loads
            )
        )::text as state
{% endmacro %}
