{#
    The Python profiles and the SQL win rates count the same things.
#}
with

profiles as (

    select * from {{ ref('trader_profiles') }}

),

win_rates as (

    select * from {{ ref('trader_win_rates') }}

),

mismatches as (

    select
        coalesce(profiles.user_address, win_rates.user_address) as user_address,
        profiles.fill_win_rate,
        win_rates.fill_win_rate as fill_win_rate_in_sql,
        profiles.position_win_rate,
        win_rates.position_win_rate as position_win_rate_in_sql
    from profiles
    full outer join win_rates
        on profiles.user_address = win_rates.user_address
    where
        (
            profiles.closing_fills,
            profiles.winning_closes,
            profiles.losing_closes,
            profiles.fill_win_rate,
            profiles.closed_positions,
            profiles.winning_positions,
            profiles.losing_positions,
            profiles.position_win_rate
        ) is distinct from (
            win_rates.closing_fills,
            win_rates.winning_closes,
            win_rates.losing_closes,
            win_rates.fill_win_rate,
            win_rates.closed_positions,
            win_rates.winning_positions,
            win_rates.losing_positions,
            win_rates.position_win_rate
        )

)

select * from mismatches
