with

cohort_dates as (

    select * from {{ ref('int_signals__cohort_dates') }}

),

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

position_spans as (

    select * from {{ ref('int_signals__position_spans') }}

),

-- Positions of members on a day (lag 0) and, for the change, positions that the smart
-- money of that day held on the day before (lag 1).
held_spans as (

    select
        position_spans.coin,
        position_spans.size as held_size,
        lags.days = 1 as is_before,
        lags.days = 0 and member_spans.is_smart_money as is_smart_money,
        lags.days = 0 and member_spans.is_winner as is_winner,
        lags.days = 0 and member_spans.is_loser as is_loser,
        greatest(
            position_spans.from_date + lags.days, member_spans.from_date
        ) as from_date,
        least(position_spans.to_date + lags.days, member_spans.to_date) as to_date
    from member_spans
    inner join (values (0), (1)) as lags (days)
        on lags.days = 0 or member_spans.is_smart_money
    inner join position_spans
        on
            member_spans.user_address = position_spans.user_address
            and member_spans.from_date <= position_spans.to_date + lags.days
            and member_spans.to_date >= position_spans.from_date + lags.days

),

-- A position is added to the sums on its first day and subtracted on the day after its
-- last.
held_changes as (

    select
        edges.change_date,
        held_spans.coin,
        sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_smart_money and held_spans.held_size > 0
        ) as long_size,
        -sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_smart_money and held_spans.held_size < 0
        ) as short_size,
        sum(edges.sign * held_spans.held_size * held_spans.held_size) filter (
            where held_spans.is_smart_money
        ) as square_size,
        sum(edges.sign) filter (where held_spans.is_smart_money) as trader_count,
        sum(edges.sign) filter (
            where held_spans.is_smart_money and held_spans.held_size > 0
        ) as long_count,
        sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_winner
        ) as winners_net_size,
        sum(edges.sign * abs(held_spans.held_size)) filter (
            where held_spans.is_winner
        ) as winners_gross_size,
        sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_loser
        ) as losers_net_size,
        sum(edges.sign * abs(held_spans.held_size)) filter (
            where held_spans.is_loser
        ) as losers_gross_size,
        sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_before
        ) as size_before,
        sum(edges.sign) filter (where not held_spans.is_before) as member_count,
        sum(edges.sign) filter (where held_spans.is_before) as count_before
    from held_spans
    cross join
        lateral (
            values (held_spans.from_date, 1), (held_spans.to_date + 1, -1)
        ) as edges (change_date, sign)
    -- The sums continue from the stored rows of the last cohort before the stale days.
    where
        not exists (
            select 1
            from cohort_dates
            where cohort_dates.is_kept and edges.change_date <= cohort_dates.as_of_date
        )
    group by
        edges.change_date,
        held_spans.coin

)

select * from held_changes
