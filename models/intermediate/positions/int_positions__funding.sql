-- Only perpetuals that were held over a full hour have a row.
with

trader_position_hours as (

    select * from {{ ref('trader_position_hours') }}

),

coin_funding_hourly as (

    select * from {{ ref('coin_funding_hourly') }}

),

-- As trader_positions computes them.
stale_positions as (

    select
        trader_position_hours.position_id,
        trader_position_hours.hour_at
    from trader_position_hours
    where
        trader_position_hours.is_latest
        and (
            trader_position_hours.closed_at is null
            or trader_position_hours.closed_at >= {{ first_stale_day(unit='timestamptz') }}
        )

),

newest as (

    select max(stale_positions.hour_at) as hour_at
    from stale_positions

),

-- A size is held from the end of its hour to the payment that begins the next one's.
held_spans as (

    select
        trader_position_hours.position_id,
        trader_position_hours.coin,
        trader_position_hours.size,
        trader_position_hours.hour_at as from_hour_at,
        coalesce(trader_position_hours.next_hour_at, newest.hour_at) as to_hour_at
    from trader_position_hours
    inner join stale_positions
        on trader_position_hours.position_id = stale_positions.position_id
    cross join newest
    where
        trader_position_hours.size <> 0
        and trader_position_hours.hour_at
        < coalesce(trader_position_hours.next_hour_at, newest.hour_at)
        and not {{ is_spot('trader_position_hours.coin') }}

),

known_spans as (

    select
        coin_funding_hourly.coin,
        min(coin_funding_hourly.hour_at) - interval '1 hour' as from_hour_at,
        max(coin_funding_hourly.hour_at) as to_hour_at
    from coin_funding_hourly
    group by coin_funding_hourly.coin

),

-- What a unit paid up to an hour: any span of a size costs one subtraction.
funding_index as (

    select
        known_spans.coin,
        grid.hour_at,
        coalesce(sum(coin_funding_hourly.paid_per_unit_usd) over so_far, 0)
            as paid_per_unit_usd,
        count(coin_funding_hourly.paid_per_unit_usd) over so_far as known_hours
    from known_spans
    cross join
        lateral generate_series(
            known_spans.from_hour_at, known_spans.to_hour_at, interval '1 hour'
        ) as grid (hour_at)
    left join coin_funding_hourly
        on
            known_spans.coin = coin_funding_hourly.coin
            and grid.hour_at = coin_funding_hourly.hour_at
    window
        so_far as (
            partition by known_spans.coin
            order by grid.hour_at
        )

),

payments as (

    select
        held_spans.position_id,
        sum(
            -held_spans.size
            * (until_end.paid_per_unit_usd - until_begin.paid_per_unit_usd)
        ) as known_funding_usd,
        coalesce(sum(until_end.known_hours - until_begin.known_hours), 0) as known_hours,
        sum(extract(epoch from held_spans.to_hour_at - held_spans.from_hour_at) / 3600)
            as held_hours
    from held_spans
    left join known_spans
        on held_spans.coin = known_spans.coin
    left join funding_index as until_begin
        on
            known_spans.coin = until_begin.coin
            and until_begin.hour_at = greatest(
                known_spans.from_hour_at,
                least(held_spans.from_hour_at, known_spans.to_hour_at)
            )
    left join funding_index as until_end
        on
            known_spans.coin = until_end.coin
            and until_end.hour_at = greatest(
                known_spans.from_hour_at,
                least(held_spans.to_hour_at, known_spans.to_hour_at)
            )
    group by held_spans.position_id

),

funding as (

    select
        payments.position_id,
        case
            when payments.known_hours > 0 then trim_scale(payments.known_funding_usd)
        end as funding_usd,
        payments.known_hours = payments.held_hours as is_funding_known
    from payments

)

select * from funding
