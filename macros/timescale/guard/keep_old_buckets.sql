{#
    When a rollup is rebuilt and its source has lost rows: copies the buckets that the source
    can no longer produce from the old relation into the new one, or stops the build. Call it
    after `intermediate` was filled from the source and before it replaces `existing`, in the
    transaction of that swap. `retained_from` is the result of the macro retained_from (SQL
    literal of the first instant with complete rows, or none).

    With a retention mark, old are all buckets before the later of two: the first bucket
    whose raw rows are all there, and the first bucket of the new relation; without one see
    old_bucket_boundary_sql. Old rows replace rows that were just
    computed from incomplete raw rows. New columns are NULL in old rows. If the old relation
    has no bucket column of this type and no row is known to be dropped, all buckets are
    computed from the source, and nothing has to be kept.

    The variable forget_history (list of schema.name) lets the build drop these old buckets.
#}
{% macro keep_old_buckets(spec, existing, intermediate, retained_from) -%}
    {%- set forgotten = var('forget_history', []) -%}
    {%- set forgotten = [forgotten] if forgotten is string else forgotten -%}
    {%- if execute and existing is not none and spec['consumer'] not in forgotten -%}
        {%- set shape = fromjson(
            run_query(old_shape_sql(spec, existing, intermediate)).rows[0][0]
        ) -%}
        {%- if shape['stores_rows'] and spec['bucket'] in shape['columns']
            and shape['columns'][spec['bucket']]['fits']
        -%}
            {%- do copy_old_buckets(spec, existing, intermediate, retained_from, shape) -%}
        {%- elif shape['stores_rows'] and retained_from is not none -%}
            {%- do refuse_rebuild(
                spec, retained_from, existing ~ " has no column '" ~ spec['bucket']
                ~ "' of the new type to tell its old buckets by"
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}


{#
    The part of keep_old_buckets that looks for old buckets and copies them.
#}
{% macro copy_old_buckets(spec, existing, intermediate, retained_from, shape) -%}
    {%- set boundary = old_bucket_boundary(spec, existing, intermediate, retained_from) -%}
    {%- set old = run_query(
        "select count(*), min(" ~ spec['bucket'] ~ ")::text, max(" ~ spec['bucket']
        ~ ")::text from " ~ existing ~ " where " ~ spec['bucket'] ~ " < " ~ boundary
    ).rows[0] -%}
    {%- if old[0] | int > 0 -%}
        {%- set span = old[0] ~ " rows in buckets from " ~ old[1] ~ " to " ~ old[2] -%}
        {%- do assert_old_buckets_fit(spec, existing, retained_from, shape, boundary, span) -%}
        {%- set storage = bucket_storage(intermediate) -%}
        {%- do run_query(
            replace_old_buckets_sql(spec, existing, storage, boundary, shape)
        ) -%}
        {%- do make_old_buckets_visible(spec, intermediate) -%}
        {%- do assert_old_buckets_visible(spec, existing, intermediate, boundary, span) -%}
        {%- set missing = new_columns_of(shape) -%}
        {%- if missing | length > 0 -%}
            {#- The new columns are NULL in these buckets, so rollups that read this one must
                treat them as dropped and keep their own. -#}
            {%- do set_retention_mark(spec['consumer'], boundary, spec['time_unit']) -%}
        {%- endif -%}
        {%- do log(
            spec['consumer'] ~ ": kept " ~ span ~ ", as they were: the raw rows they were"
            ~ " made of are gone" ~ (
                "; NULL in them: " ~ missing | join(', ') if missing | length > 0 else ""
            ), info=true
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The columns of a rollup that its old relation does not have.
#}
{% macro new_columns_of(shape) -%}
    {%- set names = [] -%}
    {%- for name, column in shape['columns'].items() if column['old'] is none -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}


{% macro drop_partial_buckets(spec, intermediate, retained_from) -%}
    {%- if retained_from is not none -%}
        {%- do run_query(
            'delete from ' ~ bucket_storage(intermediate) ~ ' where ' ~ spec['bucket']
            ~ ' < ' ~ first_whole_bucket(
                retained_from, spec['bucket_interval'], spec['time_unit']
            )
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    Moves the watermark of a real-time aggregate to its last stored bucket: the aggregate
    shows stored buckets only up to its watermark. If the source has no newer row, the copied
    buckets lie above it and stay hidden. Dropping zero chunks makes the server move the
    watermark.
#}
{% macro make_old_buckets_visible(spec, intermediate) -%}
    {%- if timescale_edition() == 'community' and not spec['materialized_only'] -%}
        {%- do run_query(
            "select drop_chunks('" ~ intermediate ~ "', older_than => "
            ~ ("'1700-01-01'::timestamptz" if spec['time_unit'] is none
                else "(-9000000000000)::bigint") ~ ')'
        ) -%}
    {%- endif -%}
{%- endmacro %}


{#
    The instant before which a bucket is old, as a literal. It is computed once and reused:
    after the copy, the new relation starts at an older bucket and would give another answer.
#}
{% macro old_bucket_boundary(spec, existing, intermediate, retained_from) -%}
    {%- set found = run_query(
        'select ('
        ~ old_bucket_boundary_sql(spec, existing, intermediate, retained_from)
        ~ ')::text'
    ).rows[0][0] -%}
    {{ return(time_literal(found, spec['time_unit'])) }}
{%- endmacro %}


{% macro old_bucket_boundary_sql(spec, existing, intermediate, retained_from) -%}
    {%- set unit = spec['time_unit'] -%}
    {%- set never = "'infinity'::timestamptz" if unit is none
        else '9223372036854775807::bigint' -%}
    {%- set bucket = spec['bucket'] -%}
    {%- if retained_from is not none -%}
    greatest(
        (select coalesce(min(computed.{{ bucket }}), {{ never }})
        from {{ intermediate }} as computed),
        {{ first_whole_bucket(retained_from, spec['bucket_interval'], unit) }}
    )
    {%- else -%}
    {#- No retention mark exists. If the old rollup begins before the new one, rows were
        dropped, and the new one's first bucket may be incomplete: it is copied from the old
        rollup, too. -#}
    (
        select
            coalesce(
                computed.first_bucket
                + {{ time_span(spec['bucket_interval'], unit) }} * exists (
                    select 1
                    from {{ existing }} as old
                    where old.{{ bucket }} < computed.first_bucket
                )::integer,
                {{ never }}
            )
        from (select min({{ bucket }}) as first_bucket from {{ intermediate }}) as computed
    )
    {%- endif -%}
{%- endmacro %}


{% macro bucket_storage(relation) -%}
    {%- if timescale_edition() == 'community' -%}
        {%- set answer = run_query(
            "select format('%I.%I', materialization_hypertable_schema,"
            ~ " materialization_hypertable_name)"
            ~ " from timescaledb_information.continuous_aggregates"
            ~ " where view_schema = '" ~ relation.schema
            ~ "' and view_name = '" ~ relation.identifier ~ "'"
        ) -%}
        {%- if answer.rows | length > 0 -%}
            {{ return(answer.rows[0][0]) }}
        {%- endif -%}
    {%- endif -%}
    {{ return(relation | string) }}
{%- endmacro %}


{#
    Replaces the rows computed for the same keys with the old rows. The condition on
    `replaced` is always true; it makes the INSERT wait until the DELETE has finished.
#}
{% macro replace_old_buckets_sql(spec, existing, storage, boundary, shape) %}
    {%- set names = [] %}
    {%- for name in shape['columns'] if name not in new_columns_of(shape) %}
        {%- do names.append(adapter.quote(name)) %}
    {%- endfor %}
    with

    old as materialized (
        select {{ names | join(', ') }}
        from {{ existing }}
        where {{ spec['bucket'] }} < {{ boundary }}
    ),

    replaced as (
        delete from {{ storage }} as computed
        using old
        where
            {%- for column in spec['unique_key'] %}
            {{ 'and ' if not loop.first -}}
            computed.{{ column }} is not distinct from old.{{ column }}
            {%- endfor %}
        returning 1
    )

    insert into {{ storage }} ({{ names | join(', ') }})
    select {{ names | join(', ') }}
    from old
    where (select count(*) from replaced) >= 0
{% endmacro %}
