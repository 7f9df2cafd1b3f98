{#
    Every embedded window ends in the five-minute window that its row names. Versions
    have windows of different lengths: each is tested with its own length, not the
    variable.
#}
with

embeddings as (

    select * from {{ ref('btc_embeddings') }}

),

versions as (

    select distinct
        scales.feature_version,
        make_interval(
            secs => (scales.parameters ->> 'window_seconds')::integer
        ) as width
    from {{ ref('btc_feature_scales') }} as scales

),

windows as (

    select
        embeddings.bucket,
        embeddings.exchange,
        embeddings.feature_version,
        embeddings.window_start,
        embeddings.bucket + versions.width as ends_at
    from embeddings
    left join versions
        on embeddings.feature_version = versions.feature_version

)

select windows.* from windows
where
    (
        windows.ends_at > windows.window_start
        and windows.ends_at <= windows.window_start + interval '5 minutes'
    ) is not true
