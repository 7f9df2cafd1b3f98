{#
    No trader and no fill of the daily rollup is missing from the profiles or there twice.
    Looks at traders of the days that the newest loads touched (see touched_days), at a
    thousand at most of each day: their whole history is read.
#}
with

trader_daily as not materialized (

    select * from {{ ref('trader_daily') }}

),

profiles as (

    select * from {{ ref('trader_profiles') }}

),

chosen as (

    {{ touched_traders('trader_daily') }}

),

daily_totals as (

    select
        trader_daily.user_address,
        sum(trader_daily.fill_count) as fill_count,
        sum(trader_daily.maker_volume + trader_daily.taker_volume) as volume,
        sum(trader_daily.fees_usd) as fees_usd,
        sum(trader_daily.own_liquidations) as liquidation_fills,
        case
            when count(trader_daily.gross_pnl) = count(*)
                then sum(trader_daily.gross_pnl)
        end as gross_pnl
    from trader_daily
    inner join chosen
        on trader_daily.user_address = chosen.user_address
    group by trader_daily.user_address

),

mismatches as (

    select
        daily_totals.user_address,
        profiles.fill_count,
        daily_totals.fill_count as fill_count_by_day
    from daily_totals
    left join profiles
        on daily_totals.user_address = profiles.user_address
    where
        (
            profiles.fill_count,
            profiles.volume,
            profiles.fees_usd,
            profiles.liquidation_fills,
            profiles.gross_pnl,
            profiles.net_pnl
        ) is distinct from (
            daily_totals.fill_count,
            daily_totals.volume,
            daily_totals.fees_usd,
            daily_totals.liquidation_fills,
            daily_totals.gross_pnl,
            daily_totals.gross_pnl - daily_totals.fees_usd
        )

)

select * from mismatches
