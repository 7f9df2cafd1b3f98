{#
    A neighbour ends before its query window begins, and no two of them overlap. The
    length of windows is a parameter of their version, not the present variable.
#}
with

similar_windows as (

    select * from {{ ref('btc_similar_windows') }}

),

versions as (

    select distinct
        scales.feature_version,
        make_interval(
            secs => (scales.parameters ->> 'window_seconds')::integer
        ) as width
    from {{ ref('btc_feature_scales') }} as scales

),

neighbours as (

    select
        similar_windows.bucket,
        similar_windows.exchange,
        similar_windows.neighbour_bucket,
        similar_windows.neighbour_bucket + versions.width as ends_at,
        lead(similar_windows.neighbour_bucket) over (
            partition by similar_windows.bucket, similar_windows.exchange
            order by similar_windows.neighbour_bucket
        ) as next_bucket
    from similar_windows
    left join versions
        on similar_windows.feature_version = versions.feature_version

)

select neighbours.* from neighbours
where
    (
        neighbours.ends_at <= neighbours.bucket
        and neighbours.ends_at <= coalesce(neighbours.next_bucket, 'infinity')
    ) is not true
