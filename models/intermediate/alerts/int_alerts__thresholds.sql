-- One column per threshold of the seed alert_rules.
with

alert_rules as (

    select * from {{ ref('alert_rules') }}

),

thresholds as (

    select
        {{ alert_threshold('confluence', 'net_z_score') }}
            as confluence_net_z_score,
        {{ alert_threshold('confluence', 'long_short_ratio') }}
            as confluence_long_short_ratio,
        {{ alert_threshold('confluence', 'trader_count') }}
            as confluence_trader_count,
        {{ alert_threshold('whale', 'added_usd') }}
            as whale_added_usd,
        {{ alert_threshold('fresh_wallets', 'volume_usd') }}
            as fresh_wallets_volume_usd,
        {{ alert_threshold('fresh_wallets', 'multiple_of_mean') }}
            as fresh_wallets_multiple_of_mean,
        {{ alert_threshold('liquidation_cascade', 'liquidated_usd') }}
            as liquidation_cascade_liquidated_usd,
        {{ alert_threshold('liquidation_cascade', 'multiple_of_mean') }}
            as liquidation_cascade_multiple_of_mean
    from alert_rules

)

select * from thresholds
