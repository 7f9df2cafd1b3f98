-- Messages of Bitstamp's websocket, version 2, channels `live_trades_…`.
--
-- {"data":{"id":340000001,"timestamp":"1717243200","amount":0.014,"amount_str":"0.01400000","price":67511,"price_str":"67511","type":0,"microtimestamp":"1717243200123456","buy_order_id":1,"sell_order_id":2},"channel":"live_trades_btcusd","event":"trade"}
--
-- Price and amount occur twice, as floats and as strings: the strings are read. `type` is 0
-- if the taker bought and 1 if the taker sold. All pairs share the ids, so they have gaps.
with

fields as (

    select
        line_number,
        body,
        json_extract_string(
            body,
            [
                '$.event', '$.channel', '$.data.id', '$.data.microtimestamp',
                '$.data.price_str',
                '$.data.amount_str',
                '$.data.price',
                '$.data.amount',
                '$.data.type'
            ]
        ) as f
    from json_lines

)

select
    line_number,
    'trade' as kind,
    'bitstamp' as exchange,
    case
        when
            starts_with(f[2], 'live_trades_')
            then substr(f[2], length('live_trades_') + 1)
    end as symbol,
    f[3] as source_seq,
    f[4] as ts,
    coalesce(f[5], f[7]) as price,
    coalesce(f[6], f[8]) as volume,
    f[9] as taker,
    case f[9] when '0' then 1 when '1' then -1 end as side,
    null::integer as contract_usd,
    null::varchar as microstructure_flags,
    case
        when f[1] = 'trade' and symbol is not null then 'trade'
        when f[3] is not null and f[4] is not null and price is not null then null
        when starts_with(f[1], 'bts:') then 'other'
        when
            f[1] in ('data', 'order_created', 'order_changed', 'order_deleted')
            then 'other'
    end as message,
    case
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'id',
        'ts': 'microtimestamp',
        'price': 'price_str',
        'volume': 'amount_str',
        'side': 'type',
        'sides': '0 nor 1',
        'symbol': 'channel'
    } as field_names
from fields
