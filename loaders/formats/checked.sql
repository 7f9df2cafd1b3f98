-- Messages of any format with exact values, and whether they are valid (`is_sound`).
--
-- `messages` is the result of a format's statement: the text of every value, and `message`,
-- the kind of line: trade, void (not a trade, but uses an id), book, other (ignored). Null
-- is an unknown message.
with

typed as (

    select
        *,
        whole_number(source_seq) as id,
        microseconds(ts) as us,
        exact(price, 10, 8) as exact_price,
        exact(volume, 12, 12) as exact_volume
    from messages

)

select
    *,
    complaint is null
    and coalesce(case
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
    end, false) as is_sound
from typed
