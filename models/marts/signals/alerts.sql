{#
    has_empty_days: most days have no alert, so the newest row does not say how far the table
    was computed; the load log of the first relation does. days_before: see asset_signals.
#}
{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key='alert_id',
        indexes=[{'columns': ['happened_at']}],
        pre_hook='{{ assert_alert_rules() }}',
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'happened_at',
                'days_before': 1,
                'has_empty_days': true,
            },
        },
    )
}}

with

confluence as (

    select * from {{ ref('int_alerts__confluence') }}

),

whales as (

    select * from {{ ref('int_alerts__whales') }}

),

fresh_wallets as (

    select * from {{ ref('int_alerts__fresh_wallets') }}

),

liquidations as (

    select * from {{ ref('int_alerts__liquidations') }}

),

-- alert_id is built only from values that late fills of the same hour or day cannot
-- change, so an event keeps its id.
events as (

    select
        'confluence' as kind,
        concat_ws(':', confluence.coin, confluence.day, confluence.direction)
            as event_name,
        confluence.hour_at as happened_at,
        confluence.hour_at + interval '1 hour' as known_at,
        confluence.coin,
        null as user_address,
        confluence.direction,
        confluence.smart_net_usd as value_usd,
        null::numeric as threshold_usd,
        confluence.net_z_score as score,
        confluence.z_threshold as score_threshold,
        confluence.trader_count,
        format(
            'Smart money is %s %s: %s traders on that side, %s USD net,'
            || ' a z-score of %s.',
            confluence.direction,
            confluence.coin,
            confluence.trader_count,
            {{ whole_usd('confluence.smart_net_usd') }},
            round(confluence.net_z_score::numeric, 1)
        ) as message
    from confluence
    union all
    select
        'whale' as kind,
        concat_ws(
            ':',
            whales.user_address,
            whales.coin,
            {{ hour_name('whales.hour_at') }},
            whales.side
        ) as event_name,
        whales.hour_at as happened_at,
        whales.hour_at + interval '1 hour' as known_at,
        whales.coin,
        whales.user_address,
        whales.side as direction,
        round(whales.added_usd, 6) as value_usd,
        whales.threshold_usd,
        null as score,
        null as score_threshold,
        1 as trader_count,
        format(
            'Smart-money trader %s added %s USD to a %s position in %s within an hour.',
            whales.user_address,
            {{ whole_usd('whales.added_usd') }},
            whales.side,
            whales.coin
        ) as message
    from whales
    union all
    select
        'fresh_wallets' as kind,
        concat_ws(':', fresh_wallets.coin, fresh_wallets.day) as event_name,
        fresh_wallets.day::timestamp at time zone 'utc' as happened_at,
        (fresh_wallets.day + 1)::timestamp at time zone 'utc' as known_at,
        fresh_wallets.coin,
        null as user_address,
        null as direction,
        round(fresh_wallets.volume_usd, 6) as value_usd,
        fresh_wallets.threshold_usd,
        fresh_wallets.multiple as score,
        fresh_wallets.multiple_threshold as score_threshold,
        fresh_wallets.trader_count,
        format(
            '%s traders first seen less than {{ var('fresh_wallet_days') }} days before'
            || ' traded %s USD of %s on a day%s.',
            fresh_wallets.trader_count,
            {{ whole_usd('fresh_wallets.volume_usd') }},
            fresh_wallets.coin,
            {{ times_the_mean('fresh_wallets.multiple', 'day') }}
        ) as message
    from fresh_wallets
    union all
    select
        'liquidation_cascade' as kind,
        concat_ws(
            ':',
            liquidations.coin,
            {{ hour_name('liquidations.hour_at') }},
            liquidations.side
        ) as event_name,
        liquidations.hour_at as happened_at,
        liquidations.hour_at + interval '1 hour' as known_at,
        liquidations.coin,
        null as user_address,
        liquidations.side as direction,
        round(liquidations.liquidated_usd, 6) as value_usd,
        liquidations.threshold_usd,
        liquidations.multiple as score,
        liquidations.multiple_threshold as score_threshold,
        null as trader_count,
        format(
            '%s USD of %s positions in %s were liquidated within an hour%s.',
            {{ whole_usd('liquidations.liquidated_usd') }},
            liquidations.side,
            liquidations.coin,
            {{ times_the_mean('liquidations.multiple', 'hour') }}
        ) as message
    from liquidations

),

alerts as (

    select
        events.kind || ':' || events.event_name as alert_id,
        events.kind,
        events.happened_at,
        events.known_at,
        events.coin,
        events.user_address,
        events.direction,
        trim_scale(events.value_usd) as value_usd,
        trim_scale(events.threshold_usd) as threshold_usd,
        events.score,
        events.score_threshold::double precision as score_threshold,
        events.trader_count,
        events.message
    from events

)

select * from alerts
