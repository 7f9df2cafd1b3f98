-- Hyperliquid's `misc_events_by_block`: one block per line; an event of a block may be the
-- funding payments of an hour.
--
-- {"local_time":"2025-09-01T09:00:00.12","block_time":"2025-09-01T09:00:00.004","block_number":712345678,"events":[{"time":"2025-09-01T09:00:00.004","hash":"0x0d…","inner":{"Funding":{"deltas":[{"user":"0x31…","coin":"ZEC","funding_amount":"9.330246","szi":"280.0","funding_rate":"-0.0000810249"}]}}}]}
--
-- All positions of a coin pay the same rate: there is one row per coin, hour and rate, and
-- `row_count` counts its payments. Events of other kinds are one row, to be skipped. The
-- amounts of payments are rounded, so no oracle price is computed from them.
with

events as (

    select
        line_number,
        unnest(
            case
                when json_valid(line) and json_type(line, '$.events') = 'ARRAY'
                    then json_extract(line, '$.events[*]')
                else [null]
            end
        ) as entry,
        case
            when not json_valid(line) then 'line is not JSON'
            when coalesce(json_type(line, '$.events'), '') <> 'ARRAY'
                then 'events is no list: the line is no block'
        end as no_block,
        case when no_block is not null then line end as damaged
    from lines

),

kinds as (

    select
        line_number,
        entry,
        case
            when coalesce(json_type(entry, '$.inner'), '') <> 'OBJECT' then null
            when json_type(entry, '$.inner.Funding') is null then 'other'
            when json_type(entry, '$.inner.Funding.deltas') = 'ARRAY' then 'funding'
        end as kind,
        case
            when kind is null
                then coalesce(no_block, 'inner is no event with a list of deltas')
        end as complaint,
        case when kind is null then coalesce(damaged, entry::varchar) end as refused,
        case when kind = 'funding' then json_extract_string(entry, '$.time') end as time
    from events

),

payments as (

    select
        line_number,
        kind,
        complaint,
        refused,
        time,
        unnest(
            case
                when kind = 'funding'
                    then json_extract(entry, '$.inner.Funding.deltas[*]')
                else [null]
            end
        ) as delta
    from kinds

),

texts as (

    select
        *,
        json_extract_string(delta, ['$.coin', '$.funding_rate']) as f
    from payments

),

rates as (

    select
        kind,
        complaint,
        refused,
        time,
        f[1] as coin,
        f[2] as funding_rate,
        min(line_number) as line_number,
        count(*) as row_count,
        first(delta) as delta
    from texts
    group by kind, complaint, refused, time, coin, funding_rate

)

select
    line_number,
    row_count,
    coalesce(kind = 'other', false) as is_skipped,
    hour_of(microseconds(time)) as time,
    coin,
    plain(decimal_of(funding_rate)::decimal(38, 18)) as rate,
    case
        when kind = 'other' then null
        when complaint is not null then complaint
        else coalesce(
            no_hour('time', time),
            case when coalesce(coin, '') = '' then 'coin is missing' end,
            no_rate('funding_rate', delta, funding_rate)
        )
    end as reason,
    case when is_skipped then null else coalesce(refused, delta::varchar) end as refused
from rates
order by line_number, time, coin, rate
