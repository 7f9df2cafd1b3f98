{#
    For models that are something else now and may have been rollups: the statements by
    which the old relation makes way. They run in the transaction that builds the new one,
    so that all of it happens or nothing. Stops, before anything is changed, where what
    takes its place cannot be computed from all of the rows.

    A continuous aggregate that others are made of stays, under a passing name, until those
    are gone too: dropping it would take them along. `drops` is for materializations that
    would go on with the rows that are there (incremental, which takes any relation but a
    view for its table) or take a maintained rollup for what it is not.
#}
{% macro leave_rollup(drops=false) -%}
    {%- set consumer = this.schema ~ '.' ~ this.identifier -%}
    {%- set existing = load_cached_relation(this) -%}
    {%- if existing is none -%}
        {{ return([]) }}
    {%- endif -%}
    {%- do assert_hypertable_kept() -%}
    {%- set record = models_on_record().get(consumer, {}) -%}
    {%- set is_rollup = record.get('kind') == 'rollup' -%}
    {%- set is_native = existing.type == 'materialized_view'
        and is_continuous_aggregate(existing) -%}
    {%- set statements = [] -%}

    {#- What took in loads and is built as something else starts over when it comes back. -#}
    {%- set takes_in_loads = config.get('materialized') == 'incremental'
        and config.get('meta', {}).get('loads') is not none -%}
    {%- if (record.get('kind') == 'hypertable' and is_hypertable_rebuild())
        or (record.get('kind') == 'loads' and not takes_in_loads)
    -%}
        {%- do statements.append(forget_model_sql(consumer)) -%}
    {%- endif -%}
    {%- if is_rollup or is_native -%}
        {%- do statements.append(assert_no_history_lost(consumer, record.get('input'))) -%}
        {%- do statements.append(forget_model_sql(consumer)) -%}
    {%- endif -%}
    {%- if is_native -%}
        {%- do statements.extend(leave_aggregate(existing)) -%}
        {%- do adapter.cache_dropped(existing) -%}
    {%- elif drops and (is_rollup or (
        config.get('materialized') == 'incremental' and existing.type == 'materialized_view'
    )) -%}
        {%- do statements.append(
            'drop ' ~ existing.type | replace('_', ' ') ~ ' ' ~ existing ~ ' cascade'
        ) -%}
        {%- do adapter.cache_dropped(existing) -%}
    {%- endif -%}
    {{ return(statements) }}
{%- endmacro %}


{#
    How a continuous aggregate makes way: it is dropped, and with it the versions below that
    nothing else reads any more; or it gets a passing name, while others are made of it.
#}
{% macro leave_aggregate(existing) -%}
    {%- set statements = [] -%}
    {%- for row in run_query(leave_aggregate_sql(existing)).rows -%}
        {%- do statements.append('drop materialized view ' ~ row[0] ~ ' cascade') -%}
    {%- endfor -%}
    {%- if statements | length == 0 -%}
        {%- do statements.append(
            'alter materialized view ' ~ existing ~ ' rename to '
            ~ adapter.quote(rollup_backup(existing).identifier)
        ) -%}
    {%- endif -%}
    {{ return(statements) }}
{%- endmacro %}


{% macro leave_aggregate_sql(existing) %}
    with recursive

    going as (
        select
            aggregates.mat_hypertable_id,
            aggregates.raw_hypertable_id,
            format('%I.%I', aggregates.user_view_schema, aggregates.user_view_name) as name,
            0 as depth
        from _timescaledb_catalog.continuous_agg as aggregates
        where
            aggregates.user_view_schema = '{{ existing.schema }}'
            and aggregates.user_view_name = '{{ existing.identifier }}'
            and not exists (
                select 1
                from _timescaledb_catalog.continuous_agg as above
                where aggregates.mat_hypertable_id = above.raw_hypertable_id
            )
        union all
        select
            below.mat_hypertable_id,
            below.raw_hypertable_id,
            format('%I.%I', below.user_view_schema, below.user_view_name) as name,
            going.depth + 1 as depth
        from going
        inner join _timescaledb_catalog.continuous_agg as below
            on going.raw_hypertable_id = below.mat_hypertable_id
        where
            below.user_view_name ~ '__dbt_backup_[0-9a-f]{6}$'
            and (
                select count(*)
                from _timescaledb_catalog.continuous_agg as above
                where below.mat_hypertable_id = above.raw_hypertable_id
            ) = 1
    )

    select going.name
    from going
    order by going.depth
{% endmacro %}


{#
    What was built here as a rollup, a hypertable or a SQL model that takes in loads (kind
    'loads'), `schema.name` to {kind, input}; asked once per run and kept in `graph` like the
    edition.
#}
{% macro models_on_record() -%}
    {%- if 'models_on_record' not in graph -%}
        {%- set found = {} -%}
        {%- if run_query("select to_regclass('ops.model_state')").rows[0][0] -%}
            {%- for row in run_query(
                "select model, regexp_replace("
                ~ "split_part(fingerprint, ':', 1), '^[0-9a-f]{32}@.*', 'loads'),"
                ~ " to_jsonb(model_state) ->> 'input' from ops.model_state"
                ~ " where fingerprint ~ '^(rollup|hypertable)(:|$)|^[0-9a-f]{32}@'"
            ).rows -%}
                {%- do found.update({row[0]: {'kind': row[1], 'input': row[2]}}) -%}
            {%- endfor -%}
        {%- endif -%}
        {%- do graph.update({'models_on_record': found}) -%}
    {%- endif -%}
    {{ return(graph['models_on_record']) }}
{%- endmacro %}
