{#
    The change of a trader's position in a coin by a day's fills is the same in
    trader_coin_daily (net_size) and in trader_position_hours (entries minus exits), to
    the last digit. Tests the days that the newest loads touched (see touched_days),
    except those of loads that are not yet applied to both tables.
#}
with

coin_days as (

    select
        user_address,
        coin,
        to_timestamp(day / 1000.0) as day_at,
        net_size
    from {{ ref('trader_coin_daily') }}
    where
        not is_outcome
        and {{ touched_days('day') }}

),

-- The tested days, and the last row before them of each position.
hours as (

    select
        trader_position_hours.*,
        case trader_position_hours.side when 'long' then 1 else -1 end
        * (trader_position_hours.entry_size - trader_position_hours.exit_size)
            as traded_size
    from {{ ref('trader_position_hours') }}
    where
        {{ touched_days('hour_at', 'timestamptz') }}
        or {{ touched_days('next_hour_at', 'timestamptz') }}

),

changes as (

    select
        hours.user_address,
        hours.coin,
        hours.hour_at,
        hours.traded_size - lag(hours.traded_size, 1, 0::numeric) over (
            partition by hours.position_id
            order by hours.hour_at
        ) as traded_size
    from hours

),

position_days as (

    select
        changes.user_address,
        changes.coin,
        date_trunc('day', changes.hour_at, 'UTC') as day_at,
        sum(changes.traded_size) as traded_size
    from changes
    where {{ touched_days('changes.hour_at', 'timestamptz') }}
    group by
        changes.user_address,
        changes.coin,
        day_at

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
                'analytics.trader_coin_daily', 'analytics.trader_position_hours'
            )
    where load_log.relation = 'hyperliquid.fills'
    group by
        load_log.load_id,
        load_log.time_from,
        load_log.time_to
    having count(applied_loads.load_id) < 2

),

changes_of_both as (

    select
        coin_days.user_address,
        coin_days.coin,
        coin_days.day_at,
        coin_days.net_size as size_change
    from coin_days
    union all
    select
        position_days.user_address,
        position_days.coin,
        position_days.day_at,
        -position_days.traded_size as size_change
    from position_days

)

select
    changes_of_both.user_address,
    changes_of_both.coin,
    changes_of_both.day_at,
    sum(changes_of_both.size_change) as difference
from changes_of_both
where
    not exists (
        select 1
        from half_applied
        where
            changes_of_both.day_at + interval '1 day' > half_applied.time_from
            and changes_of_both.day_at <= half_applied.time_to
    )
group by
    changes_of_both.user_address,
    changes_of_both.coin,
    changes_of_both.day_at
having sum(changes_of_both.size_change) <> 0
