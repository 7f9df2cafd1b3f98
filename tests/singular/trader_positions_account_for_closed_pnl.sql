{#
    The gross profit of a trader's positions in a coin is the sum of what the exchange
    reported, and their fees are the fees of the fills, to the last digit. Looks at the days
    that the newest loads touched (see touched_days), and there at the keys that were flat
    when the days began and when they ended: a position that reaches over the edge has
    fills on either side. Keys with a fill without a reported profit are left out: theirs
    is recomputed.
#}
{%- set days = touched_day_ranges() if execute else [] -%}
with

fills as (

    select * from {{ source('hyperliquid', 'fills') }}
    where {{ touched_days('time') }}

),

positions as not materialized (

    select * from {{ ref('trader_positions') }}

),

applied as (

    select load_id
    from {{ source('ingestion', 'applied_loads') }}
    where consumer = 'analytics.trader_positions'

),

spans (began_at, ended_at) as (

    values
    {%- for from_ms, to_ms in days or [] %}
    (
        '{{ ms_literal(from_ms, "timestamptz") }}'::timestamptz,
        '{{ ms_literal(to_ms, "timestamptz") }}'::timestamptz
    ){{ ',' if not loop.last }}
    {%- else %}
    ('-infinity'::timestamptz, 'infinity'::timestamptz)
    {%- endfor %}

),

expected as (

    select
        fills.user_address,
        fills.coin,
        spans.began_at,
        spans.ended_at,
        sum(fills.closed_pnl) as gross_pnl,
        sum({{ fee_usd() }}) as fees_usd
    from fills
    inner join spans
        on
            fills.time >= extract(epoch from spans.began_at) * 1000
            and fills.time < extract(epoch from spans.ended_at) * 1000
    where
        not {{ is_outcome('fills.coin') }}
        and {{ position_delta() }} <> 0
        and fills.load_id in (select applied.load_id from applied)
    group by
        fills.user_address,
        fills.coin,
        spans.began_at,
        spans.ended_at
    having count(*) = count(fills.closed_pnl)

),

inside as (

    select
        expected.user_address,
        expected.coin,
        expected.gross_pnl as expected_pnl,
        expected.fees_usd as expected_fees,
        sum(positions.gross_pnl) as found_pnl,
        sum(positions.fees_usd) as found_fees,
        bool_or(
            positions.closed_at >= expected.ended_at
            or (positions.closed_at is null and expected.ended_at < 'infinity')
        ) as goes_on
    from expected
    left join
        lateral (
            select coalesce(previous.closed_at, 'infinity') as closed_at
            from positions as previous
            where
                expected.user_address = previous.user_address
                and expected.coin = previous.coin
                and expected.began_at > previous.opened_at
            order by previous.opened_at desc, previous.closed_at desc
            limit 1
        ) as earlier
        on true
    left join positions
        on
            expected.user_address = positions.user_address
            and expected.coin = positions.coin
            and expected.began_at <= positions.opened_at
            and expected.ended_at > positions.opened_at
    -- Flat at the beginning: no earlier position lasts until then.
    where coalesce(earlier.closed_at < expected.began_at, true)
    group by
        expected.user_address,
        expected.coin,
        expected.began_at,
        expected.ended_at,
        expected.gross_pnl,
        expected.fees_usd

)

select * from inside
where
    not coalesce(goes_on, false)
    and (found_pnl, found_fees) is distinct from (expected_pnl, expected_fees)
