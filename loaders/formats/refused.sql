-- Why messages are refused: field, error and value.
select
    line_number,
    symbol,
    -- Whether only its id is invalid.
    complaint is null
    and message = 'trade'
    and id is null
    and source_seq <> ''
    and is_possible_time(us)
    and exact_price is not null
    and exact_volume is not null as is_id_alone,
    coalesce(
        complaint,
        case when message is null then 'line is no known message' end,
        case
            when coalesce(symbol, '') = '' then field_names['symbol'] || ' is missing'
        end,
        case
            when
                side is null and taker is null
                then field_names['side'] || ' is missing'
            when side is null
                then
                    field_names['side'] || ' is neither ' || field_names['sides']
                    || shown(taker)
        end,
        case
            when not coalesce(is_possible_time(us), false)
                then no_time(field_names['ts'], ts)
        end,
        no_amount(field_names['price'], price, 10, 8),
        no_amount(field_names['volume'], volume, 12, 12),
        case
            when contract_usd is not null
                then no_contracts(
                    field_names['volume'],
                    exact_volume,
                    field_names['price'],
                    exact_price
                )
        end,
        no_whole_number(field_names['source_seq'], source_seq)
    ) as reason
from checked
where not is_sound
