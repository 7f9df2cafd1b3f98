{#
    For a model that used to be a rollup and now has another materialization: the SQL
    statements that remove the old relation. They run in the transaction that builds the new
    one. Stops, before anything is changed, if the source has dropped rows that the new
    relation would need.

    A continuous aggregate that other aggregates read is kept under a temporary name until
    those are gone too: dropping it would drop them. `drops` also drops a rollup that is a
    plain table. It is for `incremental`, which would keep the rows of any existing table,
    and for `materialized_view`, which would mistake the table for a materialized view.
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

    {#- If the model gets meta.loads again later, it must start over. -#}
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
    The statements that remove a continuous aggregate. It is dropped together with the old
    versions below it that nothing else reads; if other aggregates read it, it is renamed to
    a temporary name instead.
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

    removed as (
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
            removed.depth + 1 as depth
        from removed
        inner join _timescaledb_catalog.continuous_agg as below
            on removed.raw_hypertable_id = below.mat_hypertable_id
        where
            below.user_view_name ~ '__dbt_backup_[0-9a-f]{6}$'
            and (
                select count(*)
                from _timescaledb_catalog.continuous_agg as above
                where below.mat_hypertable_id = above.raw_hypertable_id
            ) = 1
    )

    select removed.name
    from removed
    order by removed.depth
{% endmacro %}


{#
    The models that ops.model_state records as a rollup, a hypertable or a SQL model with
    meta.loads (kind 'loads'): `schema.name` to {kind, input}. Read once per run and cached
    in `graph`, like the edition.
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
