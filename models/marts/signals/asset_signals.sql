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

last_cohort as (

    select max(memberships.as_of_date) as as_of_date
    from memberships

),

smart_money as (

    select
        memberships.as_of_date,
        memberships.user_address
    from memberships
    where memberships.is_smart_money

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
    where trader_coin_daily.day >= {{ first_stale_day(back=6, unit='ms') }}

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
        lead(day_ends.activity_date) over key_days - 1 as to_date,
        -- Positions of a key follow each other: the last one that began ends last.
        max(day_ends.to_date) over key_days >= day_ends.activity_date as is_held
    from day_ends
    window
        key_days as (
            partition by day_ends.user_address, day_ends.coin
            order by day_ends.activity_date
        )

),

position_days as (

    select
        position_spans.user_address,
        position_spans.coin,
        position_spans.end_position,
        generate_series(
            greatest(
                position_spans.from_date, {{ first_stale_day(back=1) }}
            )::timestamp,
            coalesce(position_spans.to_date, last_cohort.as_of_date),
            interval '1 day'
        )::date as held_date
    from position_spans
    cross join last_cohort
    where
        position_spans.is_held
        and position_spans.end_position <> 0

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
            last_cohort.as_of_date
        ) as to_date
    from closes
    cross join last_cohort

),

prices as (

    select
        price_spans.coin,
        price_spans.close_px,
        generate_series(
            greatest(price_spans.from_date, {{ first_stale_day(back=1) }})::timestamp,
            price_spans.to_date,
            interval '1 day'
        )::date as price_date
    from price_spans

),

-- Open positions at the end of each day, at that day's last price.
exposures as (

    select
        position_days.user_address,
        position_days.coin,
        position_days.held_date as exposure_date,
        position_days.end_position * prices.close_px as exposure_usd
    from position_days
    inner join prices
        on
            position_days.coin = prices.coin
            and position_days.held_date = prices.price_date

),

-- Whose exposures of which day count: those of the same day, and, to see the change,
-- what the smart money of a day held the day before.
counted_days as (

    select
        memberships.as_of_date,
        memberships.user_address,
        memberships.as_of_date as exposure_date,
        memberships.is_smart_money,
        memberships.is_winner,
        memberships.is_loser,
        false as is_before
    from memberships
    union all
    select
        smart_money.as_of_date,
        smart_money.user_address,
        smart_money.as_of_date - 1 as exposure_date,
        false as is_smart_money,
        false as is_winner,
        false as is_loser,
        true as is_before
    from smart_money

),

held as (

    select
        counted_days.as_of_date,
        exposures.coin,
        sum(exposures.exposure_usd) filter (
            where counted_days.is_smart_money and exposures.exposure_usd > 0
        ) as long_usd,
        -sum(exposures.exposure_usd) filter (
            where counted_days.is_smart_money and exposures.exposure_usd < 0
        ) as short_usd,
        count(*) filter (
            where counted_days.is_smart_money and exposures.exposure_usd <> 0
        ) as trader_count,
        count(*) filter (
            where counted_days.is_smart_money and exposures.exposure_usd > 0
        ) as long_count,
        sum(exposures.exposure_usd * exposures.exposure_usd) filter (
            where counted_days.is_smart_money
        ) as squares,
        sum(exposures.exposure_usd) filter (
            where counted_days.is_winner
        ) as winners_net_usd,
        sum(abs(exposures.exposure_usd)) filter (
            where counted_days.is_winner
        ) as winners_gross_usd,
        sum(exposures.exposure_usd) filter (
            where counted_days.is_loser
        ) as losers_net_usd,
        sum(abs(exposures.exposure_usd)) filter (
            where counted_days.is_loser
        ) as losers_gross_usd,
        sum(exposures.exposure_usd) filter (
            where counted_days.is_before
        ) as net_before_usd
    from counted_days
    inner join exposures
        on
            counted_days.exposure_date = exposures.exposure_date
            and counted_days.user_address = exposures.user_address
    group by
        counted_days.as_of_date,
        exposures.coin

),

-- Each day's flow counts for that day and the six after it: nothing reaches back.
flows as (

    select
        smart_money.as_of_date,
        activity.coin,
        sum(activity.net_flow_usd) filter (
            where ages.days_ago = 0
        ) as flow_24h_usd,
        sum(activity.net_flow_usd) as flow_7d_usd
    from activity
    cross join generate_series(0, 6) as ages (days_ago)
    inner join smart_money
        on
            activity.activity_date + ages.days_ago = smart_money.as_of_date
            and activity.user_address = smart_money.user_address
    group by
        smart_money.as_of_date,
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
