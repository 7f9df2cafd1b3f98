{#
    The rollup as TimescaleDB's own continuous aggregate (Community edition).

    A refresh cannot run inside a transaction, so a new one is created empty under a
    passing name, filled, and only then takes the place of what is there. The loads listed
    before a refresh are recorded after it: Python models wait for that record. A lock of
    the session, not of a transaction, makes a second build of the model wait for all that.
#}
{% macro build_native_rollup(spec) -%}
    {%- set target = this.incorporate(type='materialized_view') -%}
    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {#- Released below, or when the connection of a failed model is closed. -#}
    {%- call statement('lock') -%}
        select pg_advisory_lock(hashtextextended('{{ spec['consumer'] }}', 0))
    {%- endcall -%}
    {%- do drop_leftovers(spec) -%}
    {%- set state = model_state(spec) -%}
    {%- set existing = state['existing'] -%}
    {%- set action = rollup_action(spec, state, 'continuous_aggregate') -%}
    {#- A rebuild makes new jobs: those that an operator has paused stay paused. -#}
    {%- set paused = paused_policies(spec['consumer']) if action == 'all' else [] -%}
    {%- if action == 'all' -%}
        {%- set retained = rollup_retained_from(spec) -%}
        {%- do fill_continuous_aggregate(spec, make_intermediate_relation(target)) -%}
    {%- elif action == 'new' -%}
        {%- do refresh_touched_ranges(spec, state, target) -%}
    {%- else -%}
        {%- do report('REFRESH', 0) -%}
    {%- endif -%}

    {#- In so many words: after a commit neither dbt nor the driver would. -#}
    {%- call statement('begin') -%} begin {%- endcall -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- if action == 'all' -%}
        {%- do swap_in_continuous_aggregate(spec, existing, target, retained) -%}
    {%- endif -%}
    {%- if action != 'nothing' -%}
        {%- do record_rollup(spec, state, action) -%}
    {%- endif -%}
    {%- if state['kind'] == 'continuous_aggregate' or action == 'all' -%}
        {%- do sync_continuous_aggregate(spec, target, paused) -%}
    {%- endif -%}
    {{- finish_model(existing, target, action == 'all') -}}

    {%- call statement('unlock') -%}
        select pg_advisory_unlock(hashtextextended('{{ spec['consumer'] }}', 0))
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return(target) }}
{%- endmacro %}


{#
    Creates a continuous aggregate and fills it, from the beginning of time, whatever the
    source still has: what a new aggregate was never refreshed over counts as changed, and
    the first refresh typed by hand would delete the old buckets that are carried over next.
    An empty source yields no end to refresh up to, so the present is given.
#}
{% macro fill_continuous_aggregate(spec, intermediate) -%}
    {%- call statement('main') -%}
        {{ create_continuous_aggregate_sql(spec, intermediate) }}
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {%- if not flags.EMPTY -%}
        {%- do refresh_continuous_aggregate(spec, intermediate, 'null', 'null') -%}
        {%- if run_query(
            'select 1 from ' ~ bucket_storage(intermediate) ~ ' limit 1'
        ).rows | length == 0 -%}
            {%- set now = time_bucket(
                spec['bucket_interval'],
                load_time('now()', spec['time_unit']),
                spec['time_unit']
            ) -%}
            {%- do refresh_continuous_aggregate(spec, intermediate, 'null', now) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#
    Range by range, not from the first to the last: what lies between may have lost its raw
    rows by somebody's hand, and a refresh would take its buckets away.
#}
{% macro refresh_touched_ranges(spec, state, target) -%}
    {%- set ranges = touched_and_retained(spec, state['loads']) -%}
    {%- if ranges | length == 0 -%}
        {%- do report('REFRESH', 0) -%}
    {%- else -%}
        {%- do adapter.commit() -%}
        {%- for range_from, range_to in ranges -%}
            {%- do refresh_continuous_aggregate(spec, target, range_from, range_to) -%}
        {%- endfor -%}
        {#- The server does not say how many rows it wrote. -#}
        {%- do report(
            'REFRESH', none, 'REFRESH of ' ~ state['loads'] | length ~ ' loads'
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The filled aggregate takes the name. An old one that other aggregates are made of stays,
    under its passing name, until each of them is built on the new one: dropping it would
    take them along.
#}
{% macro swap_in_continuous_aggregate(spec, existing, target, retained) -%}
    {%- set intermediate = make_intermediate_relation(target) -%}
    {%- do drop_partial_buckets(spec, intermediate, retained) -%}
    {%- if existing is not none -%}
        {%- do keep_old_buckets(spec, existing, intermediate, retained) -%}
        {%- do adapter.rename_relation(existing, rollup_backup(existing)) -%}
    {%- endif -%}
    {%- do adapter.rename_relation(intermediate, target) -%}
    {%- do drop_leftovers(spec) -%}
{%- endmacro %}


{% macro create_continuous_aggregate_sql(spec, relation) %}
    create materialized view {{ relation }}
    with (
        timescaledb.continuous,
        timescaledb.materialized_only = {{ spec['materialized_only'] | lower }}
    ) as
    {{ without_empty_limit(sql) }}
    with no data
{% endmacro %}


{#
    Under `--empty`, dbt puts a subquery that returns nothing in the place of each source.
    A continuous aggregate takes no subquery, and is created empty anyway.
#}
{% macro without_empty_limit(query) -%}
    {{ modules.re.sub(
        '\\(select \\* from (\\S+) where false limit 0\\)( _dbt_limit_subq_\\w+)?',
        '\\1',
        query
    ) }}
{%- endmacro %}


{#
    Refreshes [range_from, range_to), outside of any transaction. The driver opens one by
    itself and does not see that this commit ends it, so the call runs alone. Nor does it
    begin another one later: who wants one must say so, in SQL.
#}
{% macro refresh_continuous_aggregate(spec, relation, range_from, range_to) -%}
    {%- call statement('commit_before_refresh', auto_begin=False) -%}
        commit
    {%- endcall -%}
    {%- call statement('refresh', auto_begin=False) -%}
        call refresh_continuous_aggregate(
            '{{ relation.schema }}.{{ relation.identifier }}',
            {{ range_from }},
            {{ range_to }},
            options => '{"buckets_per_batch": {{ buckets_per_batch(spec['bucket_interval']) }}}'
        )
    {%- endcall -%}
{%- endmacro %}


{#
    How many buckets a refresh makes per transaction: those of a day, ten at the least.
    The server's own choice is ten whatever their width: a transaction for every second of
    100 ms buckets, minutes for an hour of them.
#}
{% macro buckets_per_batch(bucket_interval) -%}
    {%- if is_calendar_interval(bucket_interval) -%}
        {{ return(10) }}
    {%- endif -%}
    {%- set buckets_a_day = interval_units('1 day', 'us')
        // interval_units(bucket_interval, 'us') -%}
    {{ return([buckets_a_day, 10] | max) }}
{%- endmacro %}
