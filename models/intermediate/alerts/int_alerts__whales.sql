with

steps as (

    select * from {{ ref('int_signals__hourly_steps') }}

),

member_hours as (

    select * from {{ ref('int_signals__member_hours') }}

),

thresholds as (

    select * from {{ ref('int_alerts__thresholds') }}

),

-- Summed over all positions of one side in the hour: closing a position and opening it
-- again adds nothing.
added as (

    select
        steps.user_address,
        steps.coin,
        steps.hour_at,
        steps.side,
        sum(case steps.side when 'long' then 1 else -1 end * steps.net_flow_usd)
            as added_usd
    from steps
    inner join member_hours
        on
            steps.user_address = member_hours.user_address
            and steps.hour_at >= member_hours.from_at
            and steps.hour_at < member_hours.to_at
    group by
        steps.user_address,
        steps.coin,
        steps.hour_at,
        steps.side

),

whales as (

    select
        added.*,
        thresholds.whale_added_usd as threshold_usd
    from added
    cross join thresholds
    where added.added_usd >= thresholds.whale_added_usd

)

select * from whales
