{#
    What the server knows of a model that takes in loads, in one query, asked once no other
    build of it can run:

    - is_table: whether a table has its name, none when nothing has;
    - fingerprint: what it was built from, or none;
    - definition, made_of, changes: its own part of that, as in rollup_state;
    - upstream: a hash of what its upstream models were built from, their rules included;
    - rules: the same by model;
    - loads: the ids of the loads that it does not contain and all of upstream does;
    - first_load: the day (UTC) of their first row, or none;
    - last_row: the last day it has rows of, or none.
#}
{% macro loads_state(spec) -%}
    {%- set state = fromjson(run_query(loads_state_sql(spec)).rows[0][0]) -%}
    {%- do spec['made_of'].update({'rules': state['rules']}) -%}
    {%- do compare_definition(spec, state) -%}
    {%- do state.update({'last_row': none, 'reason': none}) -%}
    {%- if state['is_table'] and spec['stale_from'] is not none -%}
        {%- do state.update({'last_row': run_query(
            'select max(' ~ spec['stale_from'] ~ ')::text from ' ~ this
        ).rows[0][0]}) -%}
    {%- endif -%}
    {{ return(state) }}
{%- endmacro %}


{% macro loads_state_sql(spec) %}
    with

    loads as (
        select
            unapplied.load_id,
            unapplied.time_from
        from ({{ unapplied_loads(spec['consumer'], spec['relation']) }}) as unapplied
        where
            true
            {%- for consumer in spec['upstream'] %}
            and exists (
                select 1
                from ingestion.applied_loads as above
                where
                    above.consumer = '{{ consumer }}'
                    and above.load_id = unapplied.load_id
            )
            {%- endfor %}
    )

    select
        jsonb_build_object(
            'is_table', (
                select pg_class.relkind in ('r', 'p')
                from pg_class
                where
                    pg_class.relnamespace = to_regnamespace(quote_ident('{{ this.schema }}'))
                    and pg_class.relname = '{{ this.identifier }}'
            ),
            'fingerprint', (
                select model_state.fingerprint
                from ops.model_state
                where model_state.model = '{{ spec['consumer'] }}'
            ),
            {{ definition_on_record(spec['consumer']) }},
            'rules', (
                select
                    coalesce(
                        jsonb_object_agg(
                            model_state.model, split_part(model_state.fingerprint, '@', 1)
                        ),
                        '{}'
                    )
                from ops.model_state
                where
                    model_state.model = any(
                        '{ {{- spec['upstream'] | join(',') -}} }'::text[]
                    )
            ),
            'upstream', md5((
                select
                    string_agg(
                        model_state.model || split_part(model_state.fingerprint, '@', 1),
                        ',' order by model_state.model
                    )
                from ops.model_state
                where
                    model_state.model = any(
                        '{ {{- spec['upstream'] | join(',') -}} }'::text[]
                    )
            )),
            'loads', (select coalesce(jsonb_agg(loads.load_id), '[]') from loads),
            'first_load', (
                select (min(loads.time_from) at time zone 'utc')::date from loads
            )
        )::text as state
{% endmacro %}
