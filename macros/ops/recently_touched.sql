{#
    A condition on times: true in the five-minute windows that the newest loads of ticks
    touched, from the last load back until their total span reaches `tested_tick_span`. So a
    test costs the same on a billion ticks as on a million, and over several builds every
    load is tested, late ones included.

    It uses literals and not a subquery, so that the server reads no other chunk. It is false
    if nothing was loaded, for windows with dropped ticks, and in an empty database (a
    linter's, or that of `dbt compile`).
#}
{% macro recently_touched(column) -%}
    {%- if not execute or not flags.INTROSPECT -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set log = adapter.get_relation(target.database, 'ingestion', 'load_log') -%}
    {%- if log is none -%}
        {{ return('false') }}
    {%- endif -%}
    {%- set ranges = [] -%}
    {%- for row in run_query(
        newest_loads_sql('market_data.btc_ticks', var('tested_tick_span'), '5 minutes')
    ).rows -%}
        {%- do ranges.append((time_literal(row[0]), time_literal(row[1]))) -%}
    {%- endfor -%}
    {%- set whole = clip_ranges(
        ranges, retained_from('market_data.btc_ticks'), '5 minutes'
    ) -%}
    {{ return(in_ranges(column, whole) if whole | length > 0 else 'false') }}
{%- endmacro %}


{% macro newest_loads_sql(relation, spanned, bucket) %}
    {%- set span = "interval '" ~ spanned ~ "'" %}
    with

    loads as (
        select
            load_log.load_id,
            -- Of a load that alone spans more, only the end is tested.
            greatest(load_log.time_from, load_log.time_to - {{ span }}) as time_from,
            load_log.time_to
        from ingestion.load_log
        where
            load_log.relation = '{{ relation }}'
            and load_log.time_from is not null
        order by load_log.load_id desc
        limit 1000
    ),

    added as (
        select
            loads.*,
            sum(loads.time_to - loads.time_from) over (
                order by loads.load_id desc
            ) as spanned
        from loads
    ),

    windows as (
        select
            tstzrange(
                {{ time_bucket(bucket, 'added.time_from') }},
                {{ time_bucket(bucket, 'added.time_to') }} + interval '{{ bucket }}'
            ) as span
        from added
        where added.spanned <= {{ span }}
    ),

    merged as (
        select unnest(range_agg(windows.span)) as span from windows
    )

    select
        lower(merged.span)::text as range_from,
        upper(merged.span)::text as range_to
    from merged
    order by range_from
{% endmacro %}
