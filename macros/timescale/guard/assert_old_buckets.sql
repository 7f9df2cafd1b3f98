{% macro old_shape_sql(spec, existing, intermediate) %}
    {%- set is_community = timescale_edition() == 'community' %}
    with

    old as (
        select
            pg_attribute.attname,
            pg_attribute.atttypid,
            format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as type_name
        from pg_attribute
        where
            pg_attribute.attrelid = '{{ existing }}'::regclass
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
    ),

    new as (
        select
            pg_attribute.attname,
            pg_attribute.attnum,
            pg_attribute.atttypid,
            format_type(pg_attribute.atttypid, pg_attribute.atttypmod) as type_name
        from pg_attribute
        where
            pg_attribute.attrelid = '{{ intermediate }}'::regclass
            and pg_attribute.attnum > 0
            and not pg_attribute.attisdropped
    ),

    columns as (
        select
            json_object_agg(
                new.attname,
                json_build_object(
                    'old', old.type_name,
                    'new', new.type_name,
                    'fits', coalesce(
                        old.atttypid = new.atttypid
                        or exists (
                            select 1
                            from pg_cast
                            where
                                pg_cast.castsource = old.atttypid
                                and pg_cast.casttarget = new.atttypid
                                and pg_cast.castcontext = 'i'
                        ),
                        false
                    )
                )
                order by new.attnum
            ) as found
        from new
        left join old
            on new.attname = old.attname
    ),

    {#- A continuous aggregate is a view too, but it stores rows. #}
    aggregates as (
        {%- if is_community %}
        select continuous_aggs_bucket_function.bucket_width
        from _timescaledb_catalog.continuous_agg
        inner join _timescaledb_catalog.continuous_aggs_bucket_function
            on
                continuous_agg.mat_hypertable_id
                = continuous_aggs_bucket_function.mat_hypertable_id
        where
            format(
                '%I.%I', continuous_agg.user_view_schema, continuous_agg.user_view_name
            )::regclass = '{{ existing }}'::regclass
        {%- else %}
        select null::text as bucket_width
        where false
        {%- endif %}
    )

    select
        json_build_object(
            'stores_rows', pg_class.relkind <> 'v' or exists (select 1 from aggregates),
            'bucket_interval', coalesce(
                (select aggregates.bucket_width from aggregates)
                {%- set record = rollup_record_sql(spec['consumer']) %}
                {%- if record is not none %},
                (select record.bucket_interval from ({{ record }}) as record)
                {%- endif %}
            ),
            'columns', (select columns.found from columns)
        )::text as shape
    from pg_class
    where pg_class.oid = '{{ existing }}'::regclass
{% endmacro %}


{% macro assert_old_buckets_fit(spec, existing, retained_from, shape, boundary, span) -%}
    {%- set problems = [] -%}
    {%- for name, column in shape['columns'].items()
        if not column['fits'] and (column['old'] is not none or name in spec['unique_key'])
    -%}
        {%- do problems.append(
            "column " ~ name ~ " is " ~ column['new'] ~ (
                ", not in the old rows" if column['old'] is none
                else ", " ~ column['old'] ~ " in the old rows"
            )
        ) -%}
    {%- endfor -%}
    {%- set width = shape['bucket_interval'] -%}
    {#- The width of an aggregate over an integer time is a number on the server. -#}
    {%- if width is not none and modules.re.fullmatch('\\d+', width) -%}
        {%- set units = interval_units('1 second', spec['time_unit']) -%}
        {%- set width = human_interval((width | int) * 1000000 // units) -%}
    {%- endif -%}
    {%- if width is not none
        and run_query(
            "select interval '" ~ width ~ "' = interval '" ~ spec['bucket_interval'] ~ "'"
        ).rows[0][0] is false
    -%}
        {%- do problems.append(
            "their buckets are of " ~ width ~ ", the new ones of "
            ~ spec['bucket_interval']
        ) -%}
    {%- endif -%}
    {%- if problems | length == 0 -%}
        {%- set twice = run_query(
            "select 1 from " ~ existing ~ " where " ~ spec['bucket'] ~ " < " ~ boundary
            ~ " group by " ~ spec['unique_key'] | join(', ')
            ~ " having count(*) > 1 limit 1"
        ) -%}
        {%- if twice.rows | length > 0 -%}
            {%- do problems.append(
                "there are several of them for one " ~ spec['unique_key'] | join(', ')
            ) -%}
        {%- endif -%}
    {%- endif -%}
    {%- if problems | length > 0 -%}
        {%- do refuse_rebuild(
            spec, retained_from, span ~ " cannot be carried over: " ~ problems | join('; ')
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro assert_old_buckets_visible(spec, existing, intermediate, boundary, span) -%}
    {%- set hidden = run_query(
        "select count(*) from " ~ existing ~ " as old where old." ~ spec['bucket']
        ~ " < " ~ boundary ~ " and not exists (select 1 from " ~ intermediate
        ~ " as new where new." ~ spec['bucket'] ~ " = old." ~ spec['bucket'] ~ ")"
    ).rows[0][0] | int -%}
    {%- if hidden > 0 -%}
        {%- do exceptions.raise_compiler_error(
            spec['consumer'] ~ ": " ~ hidden ~ " of " ~ span ~ " would not show, because "
            ~ spec['source'] ~ " has no row left above them. Set materialized_only: true,"
            ~ " or load newer rows first. Nothing was changed."
        ) -%}
    {%- endif -%}
{%- endmacro %}


{% macro refuse_rebuild(spec, retained_from, problem) -%}
    {%- do exceptions.raise_compiler_error(
        spec['consumer'] ~ " cannot be built anew without losing history: " ~ spec['source']
        ~ " has dropped its rows before "
        ~ (retained_instant(retained_from, spec['time_unit'])
            if retained_from is not none else "its present first row")
        ~ ", and " ~ problem ~ ". Nothing was changed. Put the old definition back, or give"
        ~ " the new one a name of its own, or give that history up: --vars"
        ~ " '{forget_history: [" ~ spec['consumer'] ~ "]}'"
    ) -%}
{%- endmacro %}


{% macro retained_instant(retained_from, unit) -%}
    {{ return(
        run_query("select (" ~ mark_time(retained_from, unit) ~ ")::text").rows[0][0]
    ) }}
{%- endmacro %}
