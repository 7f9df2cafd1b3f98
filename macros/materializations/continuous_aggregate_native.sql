{#
    The rollup as TimescaleDB's own continuous aggregate (Community edition).

    A refresh cannot run inside a transaction, so a new one is created empty under a
    passing name, filled, and only then takes the place of what is there. The loads listed
    before a refresh are recorded after it: Python models wait for that record.
#}
{% macro build_native_rollup(spec) -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- set target = this.incorporate(type='materialized_view') -%}
    {%- set intermediate = make_intermediate_relation(target) -%}
    {%- do drop_relation_if_exists(load_cached_relation(intermediate)) -%}
    {%- do drop_relation_if_exists(
        load_cached_relation(make_backup_relation(target, target.type))
    ) -%}

    {{- run_hooks(pre_hooks, inside_transaction=False) -}}
    {%- set state = rollup_state(spec) -%}
    {%- set action = rollup_action(spec, state, existing, state['is_native']) -%}
    {%- if action == 'build' -%}
        {%- call statement('main') -%}
            {{ create_continuous_aggregate_sql(spec, intermediate) }}
        {%- endcall -%}
        {%- do create_indexes(intermediate) -%}
        {%- do adapter.commit() -%}
        {%- if not flags.EMPTY -%}
            {%- do refresh_continuous_aggregate(intermediate, 'null', 'null') -%}
        {%- endif -%}
    {%- elif action == 'refresh' -%}
        {%- set ranges = touched_ranges(spec, state['loads']) -%}
        {%- if ranges | length == 0 -%}
            {%- do report_unchanged() -%}
        {%- else -%}
            {%- do refresh_continuous_aggregate(target, ranges[0][0], ranges[-1][1]) -%}
            {#- The server does not say how many rows it wrote. -#}
            {%- call noop_statement(
                'main', 'REFRESH of ' ~ state['loads'] | length ~ ' loads', 'REFRESH'
            ) -%}
                -- {{ ranges | length }} ranges
            {%- endcall -%}
        {%- endif -%}
    {%- else -%}
        {%- do report_unchanged() -%}
    {%- endif -%}

    {#- BEGIN, whatever the hooks are. -#}
    {%- call statement('begin') -%} select 1 {%- endcall -%}
    {{- run_hooks(pre_hooks, inside_transaction=True) -}}
    {%- if action == 'build' -%}
        {%- if existing is not none -%}
            {%- set backup = make_backup_relation(target, existing.type) -%}
            {%- do adapter.rename_relation(existing, backup) -%}
            {%- do adapter.rename_relation(intermediate, target) -%}
            {%- do adapter.drop_relation(backup) -%}
        {%- else -%}
            {%- do adapter.rename_relation(intermediate, target) -%}
        {%- endif -%}
        {%- do add_refresh_policy(spec, target) -%}
    {%- endif -%}
    {%- if action != 'none' -%}
        {%- do record_rollup(spec, state) -%}
    {%- endif -%}
    {%- set should_revoke = should_revoke(existing, full_refresh_mode=action == 'build') -%}
    {%- do apply_grants(target, config.get('grants'), should_revoke=should_revoke) -%}
    {%- do persist_docs(target, model) -%}
    {{- run_hooks(post_hooks, inside_transaction=True) -}}
    {%- do adapter.commit() -%}
    {{- run_hooks(post_hooks, inside_transaction=False) -}}
    {{ return(target) }}
{%- endmacro %}


{% macro create_continuous_aggregate_sql(spec, relation) %}
    {%- set contract = config.get('contract') %}
    create materialized view {{ relation }}
    with (
        timescaledb.continuous,
        timescaledb.materialized_only = {{ spec['materialized_only'] | lower }}
    ) as
    {%- if contract is not none and contract.enforced %}
    {{ get_assert_columns_equivalent(sql) }}
    {%- endif %}
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
    itself and does not see that this commit ends it, so the call runs alone.
#}
{% macro refresh_continuous_aggregate(relation, range_from, range_to) -%}
    {%- call statement('commit_before_refresh', auto_begin=False) -%}
        commit
    {%- endcall -%}
    {%- call statement('refresh', auto_begin=False) -%}
        call refresh_continuous_aggregate(
            '{{ relation.schema }}.{{ relation.identifier }}',
            {{ range_from }},
            {{ range_to }}
        )
    {%- endcall -%}
{%- endmacro %}


{#
    The server's own refresh job, if the model declares one: human intervals for
    start_offset, end_offset and schedule_interval.
#}
{% macro add_refresh_policy(spec, relation) -%}
    {%- set policy = spec['refresh_policy'] -%}
    {%- if policy is not none -%}
        {%- set offsets = {} -%}
        {%- for name in ['start_offset', 'end_offset'] -%}
            {%- set interval = policy.get(name) -%}
            {%- do offsets.update({
                name: time_span(interval, spec['time_unit'])
                    if interval is not none else 'null'
            }) -%}
        {%- endfor -%}
        {%- do run_query(
            "select add_continuous_aggregate_policy('"
            ~ relation.schema ~ "." ~ relation.identifier ~ "'"
            ~ ", start_offset => " ~ offsets['start_offset']
            ~ ", end_offset => " ~ offsets['end_offset']
            ~ ", schedule_interval => interval '"
            ~ policy.get('schedule_interval', '1 hour') ~ "')"
        ) -%}
    {%- endif -%}
{%- endmacro %}
