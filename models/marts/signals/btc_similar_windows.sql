{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['bucket', 'exchange', 'neighbour_rank'],
        indexes=[{'columns': ['bucket', 'exchange', 'neighbour_rank'], 'unique': true}],
        schema='signals',
    )
}}

with

embeddings as (

    select * from {{ ref('btc_embeddings') }}
    where feature_version = {{ current_feature_version() }}

),

last_windows as (

    select
        embeddings.exchange,
        max(embeddings.bucket) as bucket
    from embeddings
    group by embeddings.exchange

),

newest as (

    select
        embeddings.bucket,
        embeddings.exchange,
        embeddings.feature_version
    from embeddings
    inner join last_windows
        on embeddings.exchange = last_windows.exchange
    where
        embeddings.bucket
        > last_windows.bucket - interval '{{ var("similar_windows_newest") }}'

),

neighbours as (

    select
        newest.bucket,
        newest.exchange,
        nearest.neighbour_rank,
        newest.feature_version,
        nearest.neighbour_bucket,
        nearest.distance,
        1 - nearest.distance as similarity,
        nearest.what_followed
    from newest
    -- The post-hook of btc_embeddings creates this function.
    cross join lateral signals.similar_windows(
        newest.bucket,
        {{ var('similar_windows_count') }},
        newest.exchange,
        newest.feature_version
    ) as nearest

)

select * from neighbours
