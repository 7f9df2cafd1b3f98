{#
    The cohort of the last day of the data agrees with the profiles. (With a
    `cohort_step_days` above 1 the last day may have no cohort; then nothing is
    compared.)
#}
with

cohorts as (

    select * from {{ ref('trader_cohorts') }}

),

profiles as (

    select * from {{ ref('trader_profiles') }}

),

last_day as (

    select max((profiles.last_active_at at time zone 'utc')::date) as last_date
    from profiles

),

last_cohort as (

    select cohorts.*
    from cohorts
    inner join last_day
        on cohorts.as_of_date = last_day.last_date

),

members as (

    select profiles.*
    from profiles
    where
        (profiles.is_smart_money or profiles.is_winner or profiles.is_loser)
        and {{ var('cohort_step_days', 1) }} = 1

),

mismatches as (

    select
        coalesce(members.user_address, last_cohort.user_address) as user_address,
        members.trader_class,
        last_cohort.trader_class as trader_class_in_cohort
    from members
    full outer join last_cohort
        on members.user_address = last_cohort.user_address
    where
        (
            members.trader_class,
            members.is_smart_money,
            members.is_winner,
            members.is_loser,
            members.sharpe_ratio,
            members.confidence,
            members.position_win_rate
        ) is distinct from (
            last_cohort.trader_class,
            last_cohort.is_smart_money,
            last_cohort.is_winner,
            last_cohort.is_loser,
            last_cohort.sharpe_ratio,
            last_cohort.confidence,
            last_cohort.position_win_rate
        )
        or (members.net_pnl is null) <> (last_cohort.net_pnl is null)
        or abs(members.net_pnl - last_cohort.net_pnl) > 0.00001

)

select * from mismatches
