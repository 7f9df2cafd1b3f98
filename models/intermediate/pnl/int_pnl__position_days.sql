-- One row for each day on which a position has fills or was held.
with

day_ends as (

    select * from {{ ref('int_pnl__day_ends') }}

),

coin_marks_daily as (

    select * from {{ ref('coin_marks_daily') }}

),

days as (

    select
        day_ends.position_id,
        day_ends.user_address,
        day_ends.coin,
        calendar.day_at::date as day,
        calendar.day_at::date = day_ends.from_day as has_fills,
        day_ends.size,
        case
            when calendar.day_at::date = day_ends.from_day then day_ends.size_before
            else day_ends.size
        end as size_before,
        day_ends.cash_usd,
        day_ends.traded_size,
        day_ends.gross_pnl,
        day_ends.fees_usd
    from day_ends
    cross join
        lateral generate_series(
            greatest(day_ends.from_day, {{ first_stale_day() }})::timestamp,
            day_ends.to_day::timestamp,
            interval '1 day'
        ) as calendar (day_at)

),

position_days as (

    select
        days.position_id,
        days.user_address,
        days.coin,
        days.day,
        days.size,
        case when days.has_fills then days.gross_pnl else 0 end as realized_pnl,
        case when days.has_fills then days.fees_usd else 0 end as fees_usd,
        case when days.has_fills then days.cash_usd else 0 end as cash_usd,
        -- A change of size that no fill explains is a transfer at the mark.
        case
            when days.has_fills
                then (days.size - days.size_before - days.traded_size) * marks.mark_px
            else 0
        end as transferred_usd,
        days.size * marks.mark_px as value_usd,
        case
            when days.size_before = 0 then 0
            else days.size_before * marks_before.mark_px
        end as value_before_usd,
        -- A position opened and closed within the day, by fills alone, needs no mark.
        marks.mark_source = 'context'
        or {{ is_spot('days.coin') }}
        or (days.size = 0 and days.size_before = 0 and days.traded_size = 0) as has_mark
    from days
    inner join coin_marks_daily as marks
        on
            days.coin = marks.coin
            and days.day = marks.day
    left join coin_marks_daily as marks_before
        on
            days.coin = marks_before.coin
            and days.day - 1 = marks_before.day

)

select * from position_days
