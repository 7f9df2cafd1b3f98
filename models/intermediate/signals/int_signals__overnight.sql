{%- set step = var('cohort_step_days') | int -%}

-- `not materialized`: otherwise PostgreSQL copies a CTE that is referenced twice.
with

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

trader_positions as not materialized (

    select * from {{ ref('trader_positions') }}

),

members as (

    select
        member_spans.user_address,
        bool_and(member_spans.is_carried) as is_carried
    from member_spans
    group by member_spans.user_address

),

-- Positions with a fill since the kept cohort, and all open ones of traders whose
-- membership changed. What others hold is in the sums of the kept cohort already.
changing_positions as (

    select
        trader_positions.user_address,
        trader_positions.coin,
        trader_positions.opened_at,
        trader_positions.closed_at
    from trader_positions
    inner join members
        on trader_positions.user_address = members.user_address
    where
        trader_positions.closed_at
        >= {{ first_stale_day(back=step, unit='timestamptz') }}
        or (
            trader_positions.closed_at is null
            and trader_positions.last_fill_at
            >= {{ first_stale_day(back=step, unit='timestamptz') }}
        )
    union all
    select
        members.user_address,
        untouched.coin,
        untouched.opened_at,
        untouched.closed_at
    from members
    cross join
        -- The order keeps PostgreSQL from a join, which would read all open ones.
        lateral (
            select
                trader_positions.coin,
                trader_positions.opened_at,
                trader_positions.closed_at
            from trader_positions
            where
                members.user_address = trader_positions.user_address
                and trader_positions.closed_at is null
                and trader_positions.last_fill_at
                < {{ first_stale_day(back=step, unit='timestamptz') }}
            order by trader_positions.coin
        ) as untouched
    where
        not members.is_carried
        -- Nothing is kept where all is computed.
        and {{ first_stale_day() }} > '0001-01-01'

),

-- Positions that were open at the end of a day: from the first such day to the last.
overnight as (

    select
        changing_positions.user_address,
        changing_positions.coin,
        (changing_positions.opened_at at time zone 'utc')::date as from_date,
        coalesce(
            (changing_positions.closed_at at time zone 'utc')::date - 1, 'infinity'
        ) as to_date
    from changing_positions
    where
        changing_positions.closed_at is null
        or (changing_positions.closed_at at time zone 'utc')::date
        > (changing_positions.opened_at at time zone 'utc')::date

)

select * from overnight
