{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['as_of_date', 'coin'],
        meta={
            'loads': {
                'relation': 'hyperliquid.fills',
                'stale_from': 'as_of_date',
            },
        },
    )
}}

-- Of what is read more than once the server would make a copy, all of it, unless told.
with

cohorts as not materialized (

    select * from {{ ref('trader_cohorts') }}

),

trader_coin_daily as not materialized (

    select * from {{ ref('trader_coin_daily') }}

),

coin_daily as not materialized (

    select * from {{ ref('coin_daily') }}

),

trader_positions as (

    select * from {{ ref('trader_positions') }}

),

memberships as (

    select
        cohorts.as_of_date,
        cohorts.user_address,
        cohorts.is_smart_money,
        cohorts.is_winner,
        cohorts.is_loser
    from cohorts
    where cohorts.as_of_date >= {{ first_stale_day() }}

),

members as (

    select distinct memberships.user_address
    from memberships

),

cohort_dates as (

    select
        dates.as_of_date,
        row_number() over (order by dates.as_of_date) as number
    from (select distinct memberships.as_of_date from memberships) as dates

),

-- Who stays what they were from one cohort to the next has the same difference.
numbered_memberships as (

    select
        memberships.as_of_date,
        memberships.user_address,
        memberships.is_smart_money,
        memberships.is_winner,
        memberships.is_loser,
        cohort_dates.number - row_number() over (
            partition by
                memberships.user_address,
                memberships.is_smart_money,
                memberships.is_winner,
                memberships.is_loser
            order by memberships.as_of_date
        ) as run_number
    from memberships
    inner join cohort_dates
        on memberships.as_of_date = cohort_dates.as_of_date

),

-- Membership changes seldom and positions last: spans of days are far fewer than days.
member_spans as (

    select
        numbered_memberships.user_address,
        numbered_memberships.is_smart_money,
        numbered_memberships.is_winner,
        numbered_memberships.is_loser,
        min(numbered_memberships.as_of_date) as from_date,
        max(numbered_memberships.as_of_date) as to_date
    from numbered_memberships
    group by
        numbered_memberships.user_address,
        numbered_memberships.is_smart_money,
        numbered_memberships.is_winner,
        numbered_memberships.is_loser,
        numbered_memberships.run_number

),

-- Flows reach six days back: what members did since then, a row per active day.
activity as (

    select
        trader_coin_daily.user_address,
        trader_coin_daily.coin,
        {{ day_to_date('trader_coin_daily.day') }} as activity_date,
        trader_coin_daily.end_position,
        trader_coin_daily.net_flow_usd
    from trader_coin_daily
    inner join members
        on trader_coin_daily.user_address = members.user_address
    where
        trader_coin_daily.day >= {{ first_stale_day(back=6, unit='ms') }}
        and not {{ is_outcome('trader_coin_daily.coin') }}

),

-- Positions that were open at the end of a day: from the first such day to the last.
overnight as (

    select
        trader_positions.user_address,
        trader_positions.coin,
        (trader_positions.opened_at at time zone 'utc')::date as from_date,
        coalesce(
            (trader_positions.closed_at at time zone 'utc')::date - 1, 'infinity'
        ) as to_date
    from trader_positions
    inner join members
        on trader_positions.user_address = members.user_address
    where
        trader_positions.closed_at is null
        or (
            trader_positions.closed_at
            >= {{ first_stale_day(back=6, unit='timestamptz') }}
            and (trader_positions.closed_at at time zone 'utc')::date
            > (trader_positions.opened_at at time zone 'utc')::date
        )

),

-- Of those that were there before, how the last day of activity before had left them.
carried_over as (

    select
        overnight.user_address,
        overnight.coin,
        last_activity.activity_date,
        last_activity.end_position,
        overnight.to_date
    from overnight
    cross join
        lateral (
            select
                trader_coin_daily.end_position,
                {{ day_to_date('trader_coin_daily.day') }} as activity_date
            from trader_coin_daily
            where
                overnight.user_address = trader_coin_daily.user_address
                and overnight.coin = trader_coin_daily.coin
                and trader_coin_daily.day < {{ first_stale_day(back=6, unit='ms') }}
            order by trader_coin_daily.day desc
            limit 1
        ) as last_activity
    where overnight.from_date < {{ first_stale_day(back=6) }}

),

day_ends as (

    select
        activity.user_address,
        activity.coin,
        activity.activity_date,
        activity.end_position,
        overnight.to_date
    from activity
    left join overnight
        on
            activity.user_address = overnight.user_address
            and activity.coin = overnight.coin
            and activity.activity_date = overnight.from_date
    union all
    select
        carried_over.user_address,
        carried_over.coin,
        carried_over.activity_date,
        carried_over.end_position,
        carried_over.to_date
    from carried_over

),

-- A position holds from the day that left it to the day before the next activity.
position_spans as (

    select
        day_ends.user_address,
        day_ends.coin,
        day_ends.end_position,
        day_ends.activity_date as from_date,
        coalesce(
            lead(day_ends.activity_date) over key_days - 1, 'infinity'
        ) as to_date,
        -- Positions of a key follow each other: the last one that began ends last.
        max(day_ends.to_date) over key_days >= day_ends.activity_date as is_held
    from day_ends
    window
        key_days as (
            partition by day_ends.user_address, day_ends.coin
            order by day_ends.activity_date
        )

),

-- Whose positions of which days count: those of the same day, and, to see the change,
-- what the smart money of a day held the day before.
counted_spans as (

    select
        member_spans.user_address,
        member_spans.from_date,
        member_spans.to_date,
        member_spans.is_smart_money,
        member_spans.is_winner,
        member_spans.is_loser,
        false as is_before
    from member_spans
    union all
    select
        member_spans.user_address,
        member_spans.from_date - 1 as from_date,
        member_spans.to_date - 1 as to_date,
        false as is_smart_money,
        false as is_winner,
        false as is_loser,
        true as is_before
    from member_spans
    where member_spans.is_smart_money

),

held_spans as (

    select
        position_spans.coin,
        position_spans.end_position as held_size,
        counted_spans.is_smart_money,
        counted_spans.is_winner,
        counted_spans.is_loser,
        counted_spans.is_before,
        greatest(position_spans.from_date, counted_spans.from_date) as from_date,
        least(position_spans.to_date, counted_spans.to_date) as to_date
    from position_spans
    inner join counted_spans
        on
            position_spans.user_address = counted_spans.user_address
            and position_spans.from_date <= counted_spans.to_date
            and position_spans.to_date >= counted_spans.from_date
    where
        position_spans.is_held
        and position_spans.end_position <> 0

),

-- What enters the sums on a day, and what leaves them on the day after its last.
held_changes as (

    select
        held_spans.coin,
        edges.change_date,
        sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_smart_money and held_spans.held_size > 0
        ) as long_size,
        -sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_smart_money and held_spans.held_size < 0
        ) as short_size,
        sum(edges.sign) filter (
            where held_spans.is_smart_money
        ) as trader_count,
        sum(edges.sign) filter (
            where held_spans.is_smart_money and held_spans.held_size > 0
        ) as long_count,
        sum(edges.sign * held_spans.held_size * held_spans.held_size) filter (
            where held_spans.is_smart_money
        ) as square_size,
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
        sum(edges.sign) filter (where not held_spans.is_before) as member_count,
        sum(edges.sign * held_spans.held_size) filter (
            where held_spans.is_before
        ) as size_before,
        sum(edges.sign) filter (where held_spans.is_before) as count_before
    from held_spans
    cross join
        lateral (
            values (held_spans.from_date, 1), (held_spans.to_date + 1, -1)
        ) as edges (change_date, sign)
    group by
        held_spans.coin,
        edges.change_date

),

closes as (

    select
        coin_daily.coin,
        coin_daily.close_px,
        {{ day_to_date('coin_daily.day') }} as close_date
    from coin_daily
    where coin_daily.day >= {{ first_stale_day(back=6, unit='ms') }}
    union all
    select
        coins.coin,
        last_close.close_px,
        last_close.close_date
    from (select distinct overnight.coin from overnight) as coins
    cross join lateral (
        select
            coin_daily.close_px,
            {{ day_to_date('coin_daily.day') }} as close_date
        from coin_daily
        where
            coins.coin = coin_daily.coin
            and coin_daily.day < {{ first_stale_day(back=6, unit='ms') }}
        order by coin_daily.day desc
        limit 1
    ) as last_close

),

price_spans as (

    select
        closes.coin,
        closes.close_px,
        closes.close_date as from_date,
        coalesce(
            lead(closes.close_date) over (
                partition by closes.coin
                order by closes.close_date
            ) - 1,
            'infinity'
        ) as to_date
    from closes

),

-- Days on which positions are looked at: those of cohorts, and the days before them.
held_dates as (

    select cohort_dates.as_of_date as held_date
    from cohort_dates
    union distinct
    select cohort_dates.as_of_date - 1 as held_date
    from cohort_dates

),

prices as (

    select
        price_spans.coin,
        price_spans.close_px,
        held_dates.held_date as price_date
    from price_spans
    inner join held_dates
        on held_dates.held_date between price_spans.from_date and price_spans.to_date

),

-- What is held at the end of each day: sizes, and the day's last price.
held_days as (

    select
        coalesce(prices.coin, held_changes.coin) as coin,
        coalesce(prices.price_date, held_changes.change_date) as held_date,
        prices.close_px,
        sum(held_changes.long_size) over days_so_far as long_size,
        sum(held_changes.short_size) over days_so_far as short_size,
        sum(held_changes.trader_count) over days_so_far as trader_count,
        sum(held_changes.long_count) over days_so_far as long_count,
        sum(held_changes.square_size) over days_so_far as square_size,
        sum(held_changes.winners_net_size) over days_so_far as winners_net_size,
        sum(held_changes.winners_gross_size) over days_so_far as winners_gross_size,
        sum(held_changes.losers_net_size) over days_so_far as losers_net_size,
        sum(held_changes.losers_gross_size) over days_so_far as losers_gross_size,
        sum(held_changes.member_count) over days_so_far as member_count,
        sum(held_changes.size_before) over days_so_far as size_before,
        sum(held_changes.count_before) over days_so_far as count_before
    from prices
    full outer join held_changes
        on
            prices.coin = held_changes.coin
            and prices.price_date = held_changes.change_date
    window
        days_so_far as (
            partition by coalesce(prices.coin, held_changes.coin)
            order by coalesce(prices.price_date, held_changes.change_date)
        )

),

-- A coin has one price a day: sizes are added first. Trailing zeros go: how many there
-- are depends on how the sums were reached, and quotients would depend on them.
held as (

    select
        cohort_dates.as_of_date,
        held_days.coin,
        trim_scale(held_days.close_px * held_days.long_size) as long_usd,
        trim_scale(held_days.close_px * held_days.short_size) as short_usd,
        case
            when held_days.close_px > 0 then held_days.trader_count
        end::bigint as trader_count,
        case
            when held_days.close_px > 0 then held_days.long_count
        end::bigint as long_count,
        trim_scale(
            held_days.close_px * held_days.close_px * held_days.square_size
        ) as squares,
        trim_scale(
            held_days.close_px * held_days.winners_net_size
        ) as winners_net_usd,
        trim_scale(
            held_days.close_px * held_days.winners_gross_size
        ) as winners_gross_usd,
        trim_scale(held_days.close_px * held_days.losers_net_size) as losers_net_usd,
        trim_scale(
            held_days.close_px * held_days.losers_gross_size
        ) as losers_gross_usd,
        days_before.close_px * days_before.size_before as net_before_usd
    from cohort_dates
    inner join held_days
        on cohort_dates.as_of_date = held_days.held_date
    left join held_days as days_before
        on
            held_days.coin = days_before.coin
            and held_days.held_date - 1 = days_before.held_date
            and days_before.close_px is not null
    where
        held_days.close_px is not null
        and (held_days.member_count > 0 or days_before.count_before > 0)

),

-- Each day's flow counts for that day and the six after it: nothing reaches back.
flows as (

    select
        cohort_dates.as_of_date,
        activity.coin,
        sum(activity.net_flow_usd) filter (
            where activity.activity_date = cohort_dates.as_of_date
        ) as flow_24h_usd,
        sum(activity.net_flow_usd) as flow_7d_usd
    from activity
    inner join member_spans
        on
            activity.user_address = member_spans.user_address
            and activity.activity_date <= member_spans.to_date
            and activity.activity_date + 6 >= member_spans.from_date
    cross join
        lateral generate_series(
            greatest(activity.activity_date, member_spans.from_date)::timestamp,
            least(activity.activity_date + 6, member_spans.to_date)::timestamp,
            interval '1 day'
        ) as counted (counted_at)
    inner join cohort_dates
        on counted.counted_at::date = cohort_dates.as_of_date
    where member_spans.is_smart_money
    group by
        cohort_dates.as_of_date,
        activity.coin

),

signal_keys as (

    select
        held.as_of_date,
        held.coin
    from held
    union distinct
    select
        flows.as_of_date,
        flows.coin
    from flows

),

sums as (

    select
        signal_keys.as_of_date,
        signal_keys.coin,
        coalesce(held.long_usd, 0) as smart_long_usd,
        coalesce(held.short_usd, 0) as smart_short_usd,
        coalesce(held.long_usd, 0) - coalesce(held.short_usd, 0) as smart_net_usd,
        coalesce(held.net_before_usd, 0) as smart_net_before_usd,
        coalesce(flows.flow_24h_usd, 0) as net_flow_24h_usd,
        coalesce(flows.flow_7d_usd, 0) as net_flow_7d_usd,
        coalesce(held.trader_count, 0) as trader_count,
        coalesce(held.long_count, 0) as long_count,
        held.squares as smart_squares,
        held.winners_net_usd,
        held.winners_gross_usd,
        held.losers_net_usd,
        held.losers_gross_usd
    from signal_keys
    left join held
        on
            signal_keys.as_of_date = held.as_of_date
            and signal_keys.coin = held.coin
    left join flows
        on
            signal_keys.as_of_date = flows.as_of_date
            and signal_keys.coin = flows.coin

),

history as (

    select {{ day_to_date('min(coin_daily.day)') }} as first_date
    from coin_daily

),

-- As they are stored, so that the days that are kept stand beside the new ones.
net_by_day as (

    select
        sums.as_of_date,
        sums.coin,
        trim_scale(round(sums.smart_net_usd, 6)) as smart_net_usd
    from sums
    {{
        kept_rows(
            ['as_of_date', 'coin', 'smart_net_usd'], back=var('signal_z_window_days')
        )
    }}

),

z_scores as (

    select
        net_by_day.as_of_date,
        net_by_day.coin,
        case
            when count(*) over trailing_days >= {{ var('signal_z_min_days') }}
                then (
                    (
                        net_by_day.smart_net_usd
                        - avg(net_by_day.smart_net_usd) over trailing_days
                    )
                    / nullif(
                        stddev_samp(net_by_day.smart_net_usd) over trailing_days, 0
                    )
                )::double precision
        end as net_z_score
    from net_by_day
    window
        trailing_days as (
            partition by net_by_day.coin
            order by net_by_day.as_of_date
            range between
            interval '{{ var('signal_z_window_days') }} days' preceding
            and interval '1 day' preceding
        )

),

signals as (

    select
        sums.as_of_date,
        sums.coin,
        trim_scale(round(sums.smart_net_usd, 6)) as smart_net_usd,
        trim_scale(round(sums.smart_long_usd, 6)) as smart_long_usd,
        trim_scale(round(sums.smart_short_usd, 6)) as smart_short_usd,
        (sums.smart_long_usd / nullif(sums.smart_short_usd, 0))::double precision
            as long_short_ratio,
        trim_scale(round(sums.net_flow_24h_usd, 6)) as net_flow_24h_usd,
        case
            when sums.as_of_date - history.first_date >= 6
                then trim_scale(round(sums.net_flow_7d_usd, 6))
        end as net_flow_7d_usd,
        case
            when sums.as_of_date > history.first_date
                then trim_scale(
                    round(sums.smart_net_usd - sums.smart_net_before_usd, 6)
                )
        end as net_change_24h_usd,
        z_scores.net_z_score,
        sums.trader_count,
        (
            (sums.smart_long_usd + sums.smart_short_usd)
            * (sums.smart_long_usd + sums.smart_short_usd)
            / nullif(sums.smart_squares, 0)
        )::double precision as effective_trader_count,
        (
            case
                when sums.smart_net_usd >= 0 then sums.long_count
                else sums.trader_count - sums.long_count
            end
            / nullif(sums.trader_count, 0)::numeric
        )::double precision as agreement,
        (
            sums.winners_net_usd / nullif(sums.winners_gross_usd, 0)
            - sums.losers_net_usd / nullif(sums.losers_gross_usd, 0)
        )::double precision as winners_minus_losers
    from sums
    inner join z_scores
        on
            sums.as_of_date = z_scores.as_of_date
            and sums.coin = z_scores.coin
    cross join history

)

select * from signals
