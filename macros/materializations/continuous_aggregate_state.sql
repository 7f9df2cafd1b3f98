{#
    What the server knows of a rollup, in one query, asked once no other build of it can
    run:

    - definition: the fingerprint of what it was built from, or none;
    - made_of: what that was made of, none where an earlier release built it;
    - changes: in which ways that is not what the model is made of now;
    - built_on, parent_built: which build of the rollup below it was made of, and which is
      there now;
    - kind: 'continuous_aggregate', 'table', 'view' or 'materialized_view' has its name, or
      none;
    - materialized_only: of a continuous aggregate;
    - leftovers: [name, type] of what an interrupted build left behind;
    - loads: the ids of the loads it does not contain.
#}
{% macro rollup_state(spec) -%}
    {%- set state = fromjson(run_query(rollup_state_sql(spec)).rows[0][0]) -%}
    {%- set is_on_record = state['definition'] is not none -%}
    {%- do compare_definition(spec, state) -%}
    {%- do state.update({'is_on_record': is_on_record, 'reason': none}) -%}
    {{ return(state) }}
{%- endmacro %}


{% macro rollup_state_sql(spec) %}
    {%- set is_native = timescale_edition() == 'community' %}
    {%- set intermediate = make_intermediate_relation(this.incorporate(type='table')) %}
    with

    relations as (
        select
            pg_class.relname as name,
            case
                {%- if is_native %}
                when aggregates.view_name is not null then 'continuous_aggregate'
                {%- endif %}
                when pg_class.relkind = 'm' then 'materialized_view'
                when pg_class.relkind = 'v' then 'view'
                else 'table'
            end as kind
            {%- if is_native %},
            aggregates.materialized_only,
            exists (
                select 1
                from timescaledb_information.continuous_aggregates as above
                where
                    (above.hypertable_schema, above.hypertable_name) in (
                        (aggregates.view_schema, aggregates.view_name),
                        (
                            aggregates.materialization_hypertable_schema,
                            aggregates.materialization_hypertable_name
                        )
                    )
            ) as has_aggregates_above
            {%- else %},
            null::boolean as materialized_only,
            false as has_aggregates_above
            {%- endif %}
        from pg_class
        {%- if is_native %}
        left join timescaledb_information.continuous_aggregates as aggregates
            on
                pg_class.relnamespace = to_regnamespace(quote_ident(aggregates.view_schema))
                and pg_class.relname = aggregates.view_name
        {%- endif %}
        where
            pg_class.relnamespace = to_regnamespace(quote_ident('{{ this.schema }}'))
            and pg_class.relkind in ('r', 'p', 'v', 'm')
            and (
                pg_class.relname in ('{{ this.identifier }}', '{{ intermediate.identifier }}')
                or starts_with(pg_class.relname, '{{ rollup_backup_prefix(this) }}')
                {%- if spec['parent'] is not none %}
                -- Of any level below, which the old version of this one kept.
                or pg_class.relname ~ '__dbt_backup_[0-9a-f]{6}$'
                {%- endif %}
            )
    ),

    record as (
        select model_state.fingerprint
        from ops.model_state
        where model_state.model = '{{ spec['consumer'] }}'
    )

    select
        jsonb_build_object(
            {{ definition_on_record(spec['consumer']) }},
            'built_on', (select split_part(record.fingerprint, '@', 2) from record),
            'parent_built', coalesce((
                select extract(epoch from model_state.updated_at)::text
                from ops.model_state
                where model_state.model = '{{ spec['parent'] or '' }}'
            ), ''),
            'kind', (
                select relations.kind
                from relations
                where relations.name = '{{ this.identifier }}'
            ),
            'materialized_only', (
                select relations.materialized_only
                from relations
                where relations.name = '{{ this.identifier }}'
            ),
            'leftovers', (
                select
                    coalesce(
                        jsonb_agg(jsonb_build_array(
                            relations.name,
                            case
                                when relations.kind = 'continuous_aggregate'
                                    then 'materialized_view'
                                else relations.kind
                            end
                        )),
                        '[]'
                    )
                from relations
                where
                    relations.name != '{{ this.identifier }}'
                    and not relations.has_aggregates_above
            ),
            'loads', (
                select coalesce(jsonb_agg(loads.load_id), '[]')
                from ({{ unapplied_loads(spec['consumer'], spec['source']) }}) as loads
                {%- if spec['parent'] is not none %}
                -- What the rollup below has not taken in cannot be taken from it.
                where exists (
                    select 1
                    from ingestion.applied_loads as below
                    where
                        below.consumer = '{{ spec['parent'] }}'
                        and below.load_id = loads.load_id
                )
                {%- endif %}
            )
        )::text as state
{% endmacro %}


{#
    The relation that has the rollup's name on the server, or none. dbt's cache cannot
    know what another build, or the swap of a rollup below, did since the run began.
#}
{% macro rollup_existing(state) -%}
    {%- if state['kind'] is none -%}
        {{ return(none) }}
    {%- endif -%}
    {%- set type = state['kind'] | replace('continuous_aggregate', 'materialized_view') -%}
    {{ return(this.incorporate(type=type)) }}
{%- endmacro %}


{#
    What an interrupted build left, and old versions of the rollup below that nothing
    reads any more.
#}
{% macro drop_rollup_leftovers(state) -%}
    {%- for name, type in state['leftovers'] -%}
        {%- do adapter.drop_relation(
            this.incorporate(path={'identifier': name}, type=type)
        ) -%}
    {%- endfor -%}
{%- endmacro %}


{#
    A passing name for the relation that is replaced, unlike any that may still be there.
#}
{% macro rollup_backup(existing) -%}
    {%- set tag = local_md5(invocation_id ~ modules.datetime.datetime.now())[:6] -%}
    {{ return(make_backup_relation(existing, existing.type, '__dbt_backup_' ~ tag)) }}
{%- endmacro %}


{% macro rollup_backup_prefix(relation) -%}
    {{- relation.identifier[:63 - ('__dbt_backup_' | length) - 6] ~ '__dbt_backup' -}}
{%- endmacro %}
