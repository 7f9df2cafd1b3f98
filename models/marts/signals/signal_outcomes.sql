{%- set hour_ms = 3600000 -%}
{%- set horizons = var('signal_horizons') -%}

{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['known_at', 'coin', 'horizon_hours'],
        meta={
            'loads': {
                'relation': 'hyperliquid.fills',
                'stale_from': 'known_at',
                'days_before': (horizons | max + 23) // 24,
            },
        },
    )
}}

with

coin_hourly as (

    select * from {{ ref('coin_hourly') }}

),

-- From the day before the first stale one: a coin has rows for 24 hours after a trade.
hours as (

    select
        coin_hourly.coin,
        coin_hourly.hour,
        coin_hourly.open_px,
        coin_hourly.first_fill_time,
        lead(coin_hourly.hour) over hours_of_coin as next_hour,
        max(coin_hourly.hour) over () as newest_hour
    from coin_hourly
    where
        coin_hourly.hour >= {{ first_stale_day(back=1, unit='ms') }}
        and coin_hourly.open_px > 0
        and not {{ is_outcome('coin_hourly.coin') }}
    window hours_of_coin as (partition by coin_hourly.coin order by coin_hourly.hour)

),

moments as (

    select
        hours.coin,
        known.known_ms
    from hours
    cross join
        lateral generate_series(
            hours.hour + {{ hour_ms }},
            least(
                hours.hour + 24 * {{ hour_ms }},
                coalesce(hours.next_hour, hours.newest_hour + {{ hour_ms }})
            ),
            {{ hour_ms }}
        ) as known (known_ms)
    where known.known_ms >= {{ first_stale_day(unit='ms') }}

),

outcomes as (

    select
        to_timestamp(moments.known_ms / 1000) as known_at,
        moments.coin,
        horizons.horizon_hours,
        to_timestamp(entries.first_fill_time / 1000.0) as entry_at,
        entries.open_px as entry_px,
        exits.open_px as exit_px,
        ln(exits.open_px / entries.open_px)::double precision as log_return
    from moments
    cross join unnest(array{{ horizons }}) as horizons (horizon_hours)
    left join hours as entries
        on
            moments.coin = entries.coin
            and moments.known_ms = entries.hour
    left join hours as exits
        on
            moments.coin = exits.coin
            and moments.known_ms + horizons.horizon_hours::bigint * {{ hour_ms }}
            = exits.hour
)

select * from outcomes
