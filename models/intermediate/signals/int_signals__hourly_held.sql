-- Positions of smart money at the end of each hour.
with

member_hours as (

    select * from {{ ref('int_signals__member_hours') }}

),

steps as (

    select * from {{ ref('int_signals__hourly_steps') }}

),

coin_hourly as (

    select * from {{ ref('coin_hourly') }}

),

newest as (

    select to_timestamp(max(coin_hourly.hour) / 1000) as hour_at
    from coin_hourly

),

held_spans as (

    select
        steps.coin,
        steps.size as held_size,
        greatest(steps.hour_at, member_hours.from_at) as from_at,
        least(steps.next_hour_at, member_hours.to_at) as to_at
    from member_hours
    inner join steps
        on
            member_hours.user_address = steps.user_address
            and member_hours.from_at < steps.next_hour_at
            and member_hours.to_at > steps.hour_at
    where steps.size <> 0

),

-- A position is added to the sums in its first hour and subtracted in the hour after
-- its last.
changes as (

    select
        held_spans.coin,
        edges.hour_at,
        coalesce(
            sum(edges.sign * held_spans.held_size) filter (
                where held_spans.held_size > 0
            ),
            0
        ) as long_size,
        coalesce(
            -sum(edges.sign * held_spans.held_size) filter (
                where held_spans.held_size < 0
            ),
            0
        ) as short_size,
        sum(edges.sign) as trader_count,
        coalesce(
            sum(edges.sign) filter (where held_spans.held_size > 0), 0
        ) as long_count
    from held_spans
    cross join
        lateral (
            values (held_spans.from_at, 1), (held_spans.to_at, -1)
        ) as edges (hour_at, sign)
    group by
        held_spans.coin,
        edges.hour_at

),

sums as (

    select
        changes.coin,
        changes.hour_at as from_at,
        lead(changes.hour_at, 1, 'infinity') over hours_so_far as to_at,
        sum(changes.long_size) over hours_so_far as long_size,
        sum(changes.short_size) over hours_so_far as short_size,
        sum(changes.trader_count) over hours_so_far as trader_count,
        sum(changes.long_count) over hours_so_far as long_count
    from changes
    window
        hours_so_far as (
            partition by changes.coin
            order by changes.hour_at
        )

),

held as (

    select
        sums.coin,
        grid.hour_at,
        sums.long_size,
        sums.short_size,
        sums.trader_count,
        sums.long_count
    from sums
    cross join newest
    cross join
        lateral generate_series(
            sums.from_at,
            least(sums.to_at - interval '1 hour', newest.hour_at),
            interval '1 hour'
        ) as grid (hour_at)
    where sums.trader_count > 0

)

select * from held
