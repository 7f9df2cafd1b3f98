{#
    The job that drops old chunks of a hypertable that rollups read (Community edition).

    Why not the server's own retention policy: it drops by the clock. A chunk that was
    loaded late, or changed since the last refresh, or whose rollup is not built yet, goes
    with rows that no rollup has seen, and nothing can bring them back. So a hypertable
    without rollups gets the server's policy, and one with rollups gets this procedure,
    registered with add_job, which

    1. stops, dropping nothing, when a rollup it should feed does not exist (last_error of
       the job says so);
    2. refreshes each rollup over the range that is about to go, never below what was
       dropped before;
    3. locks the hypertable against writers, looks whether a change has come in meanwhile,
       and if so goes back to 2;
    4. writes the mark of retention_marks and drops the chunks, in one transaction, as
       no change that a refresh would have to follow.

    Only chunks that end before the first bucket still in the retained range go, so that no
    bucket is left half-empty. `config`: {hypertable, drop_after, rollups: {name: bucket}}.
#}
{% macro apply_retention_sql() %}
    create or replace procedure {{ var('timescale_schema') }}.apply_retention(job_id integer, config jsonb)
    language plpgsql as $procedure$
    declare
        is_integer constant boolean := jsonb_typeof(config -> 'drop_after') = 'number';
        target constant regclass := (config ->> 'hypertable')::regclass;
        storage regclass;
        aggregate_name text;
        width text;
        batch jsonb;
        hypertable record;
        old_from bigint;
        old_until bigint;
        bucket bigint;
        mark timestamptz;
        time_from timestamptz;
        time_until timestamptz;
        -- Times as the catalog keeps them: the table's own integers, or microseconds.
        cutoff bigint;
        -- What one of them is in microseconds.
        unit_length constant bigint := case config ->> 'time_unit'
            when 's' then 1000000 when 'ms' then 1000 else 1
        end;
    begin
        for aggregate_name in select jsonb_object_keys(config -> 'rollups') loop
            if not exists (
                select 1
                from timescaledb_information.continuous_aggregates as aggregates
                where aggregates.view_schema || '.' || aggregates.view_name = aggregate_name
            ) then
                raise exception '% is not built, and reads %: nothing is dropped',
                    aggregate_name, target
                    using hint = 'Run dbt build.';
            end if;
        end loop;

        -- The rows of a rollup lie in a hypertable of its own, whose "now" is that of the
        -- raw table at the bottom.
        select coalesce(max(
            format(
                '%I.%I',
                aggregates.materialization_hypertable_schema,
                aggregates.materialization_hypertable_name
            )
        )::regclass, target)
        into storage
        from timescaledb_information.continuous_aggregates as aggregates
        where format('%I.%I', aggregates.view_schema, aggregates.view_name)::regclass = target;

        with recursive levels as (
            select catalog.id
            from _timescaledb_catalog.hypertable as catalog
            where format('%I.%I', catalog.schema_name, catalog.table_name)::regclass = storage
            union all
            select aggregates.raw_hypertable_id
            from levels
            inner join _timescaledb_catalog.continuous_agg as aggregates
                on levels.id = aggregates.mat_hypertable_id
        )
        select
            (
                select catalog.id
                from _timescaledb_catalog.hypertable as catalog
                where
                    format('%I.%I', catalog.schema_name, catalog.table_name)::regclass
                    = storage
            ) as id,
            max(dimensions.integer_now_func::text) as integer_now_func,
            max(dimensions.integer_now_func_schema::text) as integer_now_func_schema
        into hypertable
        from levels
        inner join _timescaledb_catalog.dimension as dimensions
            on levels.id = dimensions.hypertable_id;

        if is_integer then
            execute format(
                'select %I.%I()',
                hypertable.integer_now_func_schema, hypertable.integer_now_func
            ) into cutoff;
            cutoff := cutoff - (config ->> 'drop_after')::bigint;
        else
            cutoff := _timescaledb_functions.to_unix_microseconds(now() - (config ->> 'drop_after')::interval);
        end if;

        old_until := cutoff;
        for width in select value #>> '{}' from jsonb_each(config -> 'rollups') loop
            if is_integer then
                bucket := time_bucket(width::bigint, cutoff);
            else
                bucket := _timescaledb_functions.to_unix_microseconds(
                    time_bucket(width::interval, _timescaledb_functions.to_timestamp(cutoff))
                );
            end if;
            old_until := least(old_until, bucket);
        end loop;

        select
            min(coalesce(chunks.range_start_integer, _timescaledb_functions.to_unix_microseconds(chunks.range_start))),
            max(coalesce(chunks.range_end_integer, _timescaledb_functions.to_unix_microseconds(chunks.range_end)))
        into old_from, cutoff
        from timescaledb_information.chunks
        where
            format('%I.%I', chunks.hypertable_schema, chunks.hypertable_name)::regclass
            = storage
            and coalesce(chunks.range_end_integer, _timescaledb_functions.to_unix_microseconds(chunks.range_end))
            <= old_until;
        if cutoff is null then
            return;
        end if;

        select marks.dropped_before into mark
        from {{ var('timescale_schema') }}.retention_marks as marks
        where marks.relation = config ->> 'hypertable';
        if mark is not null then
            old_from := greatest(
                old_from, _timescaledb_functions.to_unix_microseconds(mark) / unit_length
            );
        end if;

        for round in 1 .. 10 loop
            for aggregate_name, width in
                select key, value #>> '{}' from jsonb_each(config -> 'rollups')
            loop
                exit when old_from >= old_until;
                -- As many buckets at a time as make a day, ten at the least.
                batch := jsonb_build_object(
                    'buckets_per_batch',
                    greatest(10, floor(86400000000 / case
                        when is_integer then width::bigint * unit_length
                        else extract(epoch from width::interval) * 1000000
                    end)::integer)
                );
                if is_integer then
                    call refresh_continuous_aggregate(
                        aggregate_name::regclass, old_from, old_until, options => batch
                    );
                else
                    time_from := _timescaledb_functions.to_timestamp(old_from);
                    time_until := _timescaledb_functions.to_timestamp(old_until);
                    call refresh_continuous_aggregate(
                        aggregate_name::regclass, time_from, time_until, options => batch
                    );
                end if;
            end loop;
            commit;
            execute format('lock table %s in share row exclusive mode', storage);
            exit when not exists (
                select 1
                from _timescaledb_catalog.continuous_aggs_hypertable_invalidation_log as log
                where
                    log.hypertable_id = hypertable.id
                    and log.greatest_modified_value >= old_from
                    and log.lowest_modified_value < cutoff
            );
            if round = 10 then
                raise exception 'rows older than drop_after keep coming into %', target;
            end if;
            commit;
        end loop;

        insert into {{ var('timescale_schema') }}.retention_marks as marks (relation, dropped_before)
        values (config ->> 'hypertable', _timescaledb_functions.to_timestamp(cutoff * unit_length))
        on conflict (relation) do update set
            dropped_before = excluded.dropped_before,
            updated_at = now()
        where marks.dropped_before < excluded.dropped_before;
        -- What goes is aggregated and locked, so the drop is no change. Told of one, the
        -- aggregates would give these buckets up at the next refresh that reaches back
        -- so far, one typed by hand for instance. Older servers have no such setting.
        perform set_config(settings.name, 'on', true)
        from pg_settings as settings
        where settings.name = 'timescaledb.skip_cagg_invalidation';
        if is_integer then
            perform drop_chunks(target, older_than => cutoff);
        else
            perform drop_chunks(
                target, older_than => _timescaledb_functions.to_timestamp(cutoff)
            );
        end if;
    end
    $procedure$;
{% endmacro %}


{% macro create_apply_retention_sql() %}
    {{ apply_retention_sql() }}
    comment on procedure {{ var('timescale_schema') }}.apply_retention(integer, jsonb)
    is '{{ local_md5(apply_retention_sql()) }}';
{% endmacro %}
