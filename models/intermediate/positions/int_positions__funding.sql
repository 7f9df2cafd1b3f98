-- Only perpetuals that were held at a full hour have a row.
with

held_spans as (

    select * from {{ ref('int_positions__held_spans') }}

),

funding_index as (

    select * from {{ ref('int_positions__funding_index') }}

),

payments as (

    select
        held_spans.position_id,
        sum(
            -held_spans.size
            * (
                coalesce(until_end.paid_per_unit_usd, 0)
                - coalesce(until_begin.paid_per_unit_usd, 0)
            )
        ) as known_funding_usd,
        sum(coalesce(until_end.known_hours, 0) - coalesce(until_begin.known_hours, 0))
            as known_hours,
        sum(extract(epoch from held_spans.to_hour_at - held_spans.from_hour_at) / 3600)
            as held_hours
    from held_spans
    left join funding_index as until_begin
        on
            held_spans.coin = until_begin.coin
            and held_spans.from_hour_at = until_begin.hour_at
    left join funding_index as until_end
        on
            held_spans.coin = until_end.coin
            and held_spans.to_hour_at = until_end.hour_at
    group by held_spans.position_id

),

funding as (

    select
        payments.position_id,
        case
            when payments.known_hours > 0 then trim_scale(payments.known_funding_usd)
        end as funding_usd,
        payments.known_hours = payments.held_hours as is_funding_known
    from payments

)

select * from funding
