{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['bucket', 'exchange', 'horizon'],
        indexes=[{'columns': ['bucket', 'exchange', 'horizon'], 'unique': true}],
        schema='signals',
    )
}}

with

neighbours as (

    select * from {{ ref('btc_similar_windows') }}

),

outcomes as (

    select
        neighbours.bucket,
        neighbours.exchange,
        followed.key as horizon,
        neighbours.feature_version,
        (followed.value ->> 'log_return')::double precision as log_return,
        (followed.value ->> 'volatility')::double precision as volatility,
        -- An outcome that was not known yet, or does not exist, has weight zero.
        case
            when followed.value ->> 'log_return' is not null
                then greatest(neighbours.similarity, 0)
            else 0
        end as weight
    from neighbours
    cross join lateral jsonb_each(neighbours.what_followed) as followed

),

weighted as (

    select
        outcomes.bucket,
        outcomes.exchange,
        outcomes.horizon,
        outcomes.feature_version,
        count(*) filter (where outcomes.weight > 0) as neighbour_count,
        nullif(sum(outcomes.weight), 0) as weight,
        sum(outcomes.weight * outcomes.weight) as squared_weight,
        sum(outcomes.weight * outcomes.log_return) as weighted_return,
        sum(outcomes.weight * outcomes.volatility) as weighted_volatility,
        coalesce(
            sum(outcomes.weight) filter (where outcomes.log_return > 0), 0
        ) as weight_up,
        coalesce(
            sum(outcomes.weight) filter (where outcomes.log_return < 0), 0
        ) as weight_down
    from outcomes
    group by
        outcomes.bucket,
        outcomes.exchange,
        outcomes.horizon,
        outcomes.feature_version

),

summaries as (

    select
        weighted.bucket,
        weighted.exchange,
        weighted.horizon,
        weighted.feature_version,
        weighted.neighbour_count,
        weighted.weight * weighted.weight
        / nullif(weighted.squared_weight, 0) as effective_sample_size,
        weighted.weighted_return / weighted.weight as expected_return,
        weighted.weighted_volatility / weighted.weight as expected_volatility,
        case
            when weighted.weighted_return > 0
                then weighted.weight_up / weighted.weight
            when weighted.weighted_return < 0
                then weighted.weight_down / weighted.weight
        end as hit_rate
    from weighted

)

select * from summaries
