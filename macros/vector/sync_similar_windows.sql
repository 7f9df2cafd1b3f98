{% macro sync_similar_windows(relation) -%}
    {%- if not execute -%}
        {{ return('') }}
    {%- endif -%}
    {%- set definition = similar_windows_sql(
        relation, vector_index_settings(relation, 'feature_vector')
    ) -%}
    {%- set digest = local_md5(definition) -%}
    {%- set function = relation.schema ~ '.similar_windows('
        ~ 'timestamptz, integer, text, text, boolean)' -%}
    {%- set found = run_query(
        "select obj_description(to_regprocedure('" ~ function ~ "'), 'pg_proc')"
    ).rows[0][0] -%}
    {%- if found is none or digest not in found -%}
        {%- do run_query(definition) -%}
        {%- do run_query(
            'comment on function ' ~ function ~ " is 'The k nearest earlier windows: "
            ~ "docs/embeddings.md. Version " ~ digest ~ "'"
        ) -%}
    {%- endif -%}
    {{ return('') }}
{%- endmacro %}


{#
    DDL of `similar_windows(bucket, k, exchange, feature_version, is_exact)`. The caller needs
    rights on the embeddings only: the current version comes from a SECURITY DEFINER
    function, which reads ops.model_state as its owner.

    Candidates come from the index in approximate order, are sorted, and are taken one by one
    unless they overlap with a window taken before. The number of candidates is large enough
    that k of them do not overlap, for any position of the windows. `+ 0` prevents the use of
    the index in the exact search. Outcomes of a neighbour are returned only if they were
    known when the query window ended.
#}
{% macro similar_windows_sql(relation, settings) -%}
create or replace function {{ relation.schema }}.current_feature_version()
returns text
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $current_feature_version$ select {{ current_feature_version() }} $current_feature_version$;

create or replace function {{ relation.schema }}.similar_windows(
    bucket timestamptz,
    k integer default {{ var('similar_windows_count') }},
    exchange text default null,
    feature_version text default null,
    is_exact boolean default false
)
returns table (
    neighbour_rank integer,
    neighbour_bucket timestamptz,
    distance double precision,
    what_followed jsonb
)
language plpgsql stable
{%- for name, value in settings.items() %}
set {{ name }} = '{{ value }}'
{%- endfor %}
as $similar_windows$
declare
    query record;
    candidate record;
    version text := coalesce(
        similar_windows.feature_version,
        {{ relation.schema }}.current_feature_version()
    );
    venues text[];
    width interval;
    wanted integer;
    chosen timestamptz[] := '{}';
begin
    if similar_windows.k is null or similar_windows.k < 1 then
        raise exception 'similar_windows: k is %, it must be at least 1',
            similar_windows.k;
    end if;
    select array_agg(e.exchange order by e.exchange) into venues
    from {{ relation }} as e
    where e.bucket = similar_windows.bucket
        and e.feature_version = version
        and e.exchange = coalesce(similar_windows.exchange, e.exchange);
    if venues is null then
        raise exception 'similar_windows: no window of % begins at % in version %',
            coalesce(similar_windows.exchange, 'any venue'), similar_windows.bucket,
            coalesce(version, 'none')
            using hint = 'Windows are embedded from two trades on, once their venue '
                'has traded after them; take a bucket from {{ relation.render() | replace('"', '') }}.';
    elsif cardinality(venues) > 1 then
        raise exception 'similar_windows: windows of % begin at %', venues,
            similar_windows.bucket
            using hint = 'Name one: similar_windows(bucket, k, exchange).';
    end if;

    select e.bucket, e.exchange, e.feature_vector into strict query
    from {{ relation }} as e
    where e.bucket = similar_windows.bucket
        and e.feature_version = version
        and e.exchange = venues[1];
    select
        make_interval(secs => (s.parameters ->> 'window_seconds')::integer),
        (2 * ceil(
            (s.parameters ->> 'window_seconds')::numeric
            / (s.parameters ->> 'step_seconds')::numeric
        ) - 1) * (similar_windows.k - 1) + 1
    into strict width, wanted
    from {{ ref('btc_feature_scales').render() }} as s
    where s.feature_version = version and s.exchange = query.exchange
    limit 1;

    for candidate in
        {%- for exact in [true, false] %}
        {%- set name = 'exactly' if exact else 'about' %}
        {{ 'with' if exact else ',' }} {{ name }} as materialized (
            select
                e.bucket,
                e.label_snapshot,
                e.feature_vector <=> query.feature_vector as distance
            from {{ relation }} as e
            where {{ '' if exact else 'not ' }}similar_windows.is_exact
                and e.exchange = query.exchange
                and e.feature_version = version
                and e.bucket <= query.bucket - width
            order by {{ '(e.feature_vector <=> query.feature_vector) + 0, e.bucket'
                if exact else 'e.feature_vector <=> query.feature_vector' }}
            limit wanted
        )
        {%- endfor %}
        select n.bucket, n.label_snapshot, n.distance
        from (select * from exactly union all select * from about) as n
        order by n.distance, n.bucket
    loop
        continue when exists (
            select 1
            from unnest(chosen) as c (start)
            where c.start > candidate.bucket - width
                and c.start < candidate.bucket + width
        );
        chosen := chosen || candidate.bucket;
        neighbour_rank := cardinality(chosen);
        neighbour_bucket := candidate.bucket;
        distance := candidate.distance;
        select jsonb_object_agg(
            label.key,
            case
                when candidate.bucket + label.key::interval <= query.bucket
                    then label.value
            end
        )
        into what_followed
        from jsonb_each(candidate.label_snapshot) as label;
        return next;
        exit when neighbour_rank = similar_windows.k;
    end loop;
end
$similar_windows$
{%- endmacro %}


{#
    Server settings, name and value, with which a search through the index of a vector column
    finds nearly the same rows as an exact search, and continues until enough rows pass its
    filter. `probes` is 1.5 × √lists, but at least ten; pgvector recommends √lists as a
    start.
#}
{% macro vector_index_settings(relation, column) -%}
    {%- set built = describe_vector_index(relation, column) -%}
    {%- if built is none -%}
        {{ return({}) }}
    {%- elif built['method'] == 'hnsw' -%}
        {{ return({
            'hnsw.ef_search': 400,
            'hnsw.iterative_scan': 'relaxed_order',
            'hnsw.max_scan_tuples': 1000000,
        }) }}
    {%- endif -%}
    {{ return({
        'ivfflat.probes': [10, (1.5 * built['lists'] ** 0.5) | round(0, 'ceil') | int] | max,
        'ivfflat.iterative_scan': 'relaxed_order',
    }) }}
{%- endmacro %}
