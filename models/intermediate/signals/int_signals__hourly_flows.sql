with

member_hours as (

    select * from {{ ref('int_signals__member_hours') }}

),

steps as (

    select * from {{ ref('int_signals__hourly_steps') }}

),

traders as (

    select
        steps.hour_at,
        steps.coin,
        steps.user_address,
        sum(steps.net_flow_usd) as net_flow_usd,
        count(*) filter (where steps.is_new and steps.side = 'long') as new_longs,
        count(*) filter (where steps.is_new and steps.side = 'short') as new_shorts
    from steps
    inner join member_hours
        on
            steps.user_address = member_hours.user_address
            and steps.hour_at >= member_hours.from_at
            and steps.hour_at < member_hours.to_at
    group by
        steps.hour_at,
        steps.coin,
        steps.user_address

),

flows as (

    select
        traders.hour_at,
        traders.coin,
        sum(traders.net_flow_usd) as net_flow_usd,
        count(*) filter (where traders.net_flow_usd > 0) as buyer_count,
        count(*) filter (where traders.net_flow_usd < 0) as seller_count,
        sum(traders.new_longs)::bigint as new_long_count,
        sum(traders.new_shorts)::bigint as new_short_count
    from traders
    group by
        traders.hour_at,
        traders.coin

)

select * from flows
