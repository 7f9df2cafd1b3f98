{#
    The rollup as TimescaleDB's own continuous aggregate (Community edition).

    A refresh cannot run inside a transaction, so a new aggregate is created empty under a
    temporary name, filled, and then renamed. The list of unapplied loads is read before the
    refresh and recorded after it. Every model that reads this rollup, SQL or Python,
    handles a load only once it is recorded here. A session-level advisory lock makes a
    second build of the model wait until all of this is done.
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
    {#- A rebuild creates new jobs; those that an operator has paused must stay paused. -#}
    {%- set paused = paused_policies(spec['consumer']) if action == 'rebuild' else [] -%}
    {%- if action == 'rebuild' -%}
        {%- do fill_continuous_aggregate(spec, make_intermediate_relation(target)) -%}
        {#- Read after the fill: rows dropped meanwhile count as dropped before it, so the
            buckets of their time are copied from the old relation. And before the
            transaction of the swap: the locks that it leaves on the source would make two
            swaps wait for each other. -#}
        {%- set retained = rollup_retained_from(spec) -%}
    {%- elif action == 'apply_loads' -%}
        {%- do refresh_touched_ranges(spec, state, target) -%}
    {%- else -%}
        {%- do report('REFRESH', 0) -%}
    {%- endif -%}

    {#- Explicit BEGIN: see refresh_continuous_aggregate. -#}
    {%- call statement('begin') -%} begin {%- endcall -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- if action == 'rebuild' -%}
        {%- do swap_in_continuous_aggregate(spec, existing, target, retained) -%}
    {%- endif -%}
    {%- if action != 'nothing' -%}
        {%- do record_rollup(spec, state, action) -%}
    {%- endif -%}
    {#- Under --empty the relation may still be that of another edition. -#}
    {%- if state['kind'] == 'continuous_aggregate' or action == 'rebuild' -%}
        {%- do sync_continuous_aggregate(spec, target, paused) -%}
    {%- endif -%}
    {{- finish_model(existing, target, action == 'rebuild') -}}

    {%- call statement('unlock') -%}
        select pg_advisory_unlock(hashtextextended('{{ spec['consumer'] }}', 0))
    {%- endcall -%}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return(target) }}
{%- endmacro %}


{#
    Creates the aggregate and refreshes all time once, also where there is no raw row.
    Otherwise TimescaleDB still counts that time as changed, and the next refresh would
    delete the buckets that the swap copies there. If the source is empty, the server cannot
    derive an end for the refresh, so now() is passed as the end.
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
    Refreshes each range separately, not one range from first to last: raw rows in between
    may have been deleted manually, and a refresh there would delete their buckets.
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
    The filled aggregate gets the final name. If other aggregates read the old one, it is
    kept under a temporary name until each of them is rebuilt: dropping it now would drop
    them too.
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
    Refreshes [range_from, range_to) outside a transaction. This COMMIT bypasses dbt, which
    still believes that a transaction is open and sends no BEGIN. So the CALL runs outside of
    one, and code that needs one later must run BEGIN itself.
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
    The number of buckets per transaction of a refresh: those of one day, but at least ten.
    The server's default is ten for any width: with buckets of 100 ms this would be one
    transaction per second of data, and an hour of data would take minutes.
#}
{% macro buckets_per_batch(bucket_interval) -%}
    {%- if is_calendar_interval(bucket_interval) -%}
        {{ return(10) }}
    {%- endif -%}
    {%- set buckets_a_day = interval_units('1 day', 'us')
        // interval_units(bucket_interval, 'us') -%}
    {{ return([buckets_a_day, 10] | max) }}
{%- endmacro %}
