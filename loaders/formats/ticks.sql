-- Messages of any format as ticks: exact values, or why a line is refused.
--
-- `messages` is what a format's statement selects. `message` says what a line is: trade,
-- void (uses up an id and is no trade), book, other (of no concern here); null is refused.
with

typed as (

    select
        *,
        whole_number(source_seq) as id,
        microseconds(ts) as us,
        exact(price, 10, 8) as exact_price,
        exact(volume, 12, 12) as exact_volume
    from messages

),

checked as (

    select
        *,
        complaint is null
        and case
            when message = 'trade'
                then
                    id is not null
                    and is_possible_time(us)
                    and side is not null
                    and coalesce(symbol, '') <> ''
                    and regexp_matches(exact_price, '[1-9]')
                    and regexp_matches(exact_volume, '[1-9]')
                    and (contract_usd is null or are_contracts(exact_volume, exact_price))
            else message is not null
        end as is_sound
    from typed

)

select
    line_number,
    case when is_sound then message else 'refused' end as message,
    kind,
    -- Other messages may be of any instrument.
    case when message <> 'other' or not is_sound then symbol end as symbol,
    exchange,
    us as ts,
    id as source_seq,
    exact_price as price,
    case
        when is_sound and contract_usd is not null
            then coins(exact_volume, contract_usd, exact_price)
        else exact_volume
    end as volume,
    side,
    microstructure_flags,
    case
        when is_sound then false
        else
            complaint is null and message = 'trade' and id is null and source_seq <> ''
            and is_possible_time(us)
            and exact_price is not null and exact_volume is not null
    end as is_id_alone,
    case
        when is_sound then null
        else coalesce(
            complaint,
            case when message is null then 'line is no known message' end,
            case
                when coalesce(symbol, '') = '' then names.symbol || ' is missing'
            end,
            case
                when side is null and taker is null then names.side || ' is missing'
                when side is null then names.side || ' is neither a buy nor a sell' || shown(taker)
            end,
            case when not coalesce(is_possible_time(us), false) then no_time(names.ts, ts) end,
            no_amount(names.price, price, 10, 8),
            no_amount(names.volume, volume, 12, 12),
            case
                when contract_usd is not null
                    then no_contracts(names.volume, exact_volume, names.price, exact_price)
            end,
            no_whole_number(names.source_seq, source_seq)
        )
    end as reason
from checked
