{#
    Where a trader's day in a coin ended flat, no position lasts over its end; where it did
    not, one of the same side does, and of the same size if no fill came after that day.
    Looks at the days that the newest loads touched (see touched_days), without those of
    loads that one of the two tables does not contain yet.
#}
with

day_ends as (

    select
        trader_coin_daily.user_address,
        trader_coin_daily.coin,
        trader_coin_daily.end_position,
        to_timestamp(trader_coin_daily.day / 1000.0) as began_at,
        to_timestamp(trader_coin_daily.day / 1000.0) + interval '1 day' as ended_at
    from {{ ref('trader_coin_daily') }}
    where
        not trader_coin_daily.is_outcome
        and trader_coin_daily.end_position is not null
        and {{ touched_days('trader_coin_daily.day') }}

),

positions as (

    select * from {{ ref('trader_positions') }}

),

half_applied as (

    select
        load_log.time_from,
        load_log.time_to
    from {{ source('ingestion', 'load_log') }}
    left join {{ source('ingestion', 'applied_loads') }}
        on
            load_log.load_id = applied_loads.load_id
            and applied_loads.consumer in (
                'analytics.trader_coin_daily', 'analytics.trader_positions'
            )
    where load_log.relation = 'hyperliquid.fills'
    group by
        load_log.load_id,
        load_log.time_from,
        load_log.time_to
    having count(applied_loads.load_id) < 2

),

mismatches as (

    select
        day_ends.*,
        positions.side,
        positions.size
    from day_ends
    left join positions
        on
            day_ends.user_address = positions.user_address
            and day_ends.coin = positions.coin
            and day_ends.ended_at > positions.opened_at
            and day_ends.ended_at <= coalesce(positions.closed_at, 'infinity')
    where
        not exists (
            select 1
            from half_applied
            where
                day_ends.ended_at > half_applied.time_from
                and day_ends.began_at <= half_applied.time_to
        )
        and (
            case sign(day_ends.end_position)
                when 1 then 'long'
                when -1 then 'short'
            end is distinct from positions.side
            or (
                positions.status = 'open'
                and day_ends.ended_at > positions.last_fill_at
                and day_ends.end_position <> positions.size
            )
        )

)

select * from mismatches
