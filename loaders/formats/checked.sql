-- Messages of any format with exact values, and whether they are sound.
--
-- `messages` is what a format's statement selects: the text of every value, and `message`,
-- which says what a line is: trade, void (uses up an id and is no trade), book, other (of
-- no concern here). Null is no known message.
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
