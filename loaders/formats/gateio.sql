-- Messages of Gate.io's websocket, version 4, channel `spot.trades`.
--
-- {"time":1717243201,"time_ms":1717243201123,"channel":"spot.trades","event":"update","result":{"id":309143071,"create_time":1717243201,"create_time_ms":"1717243201122.4578","side":"sell","currency_pair":"BTC_USDT","amount":"0.0164","price":"67500.1","range":"2390902-2390902"}}
--
-- `side` is the taker's side.
with

fields as (

    select
        line_number,
        body,
        json_extract_string(
            body,
            [
                '$.channel', '$.event', '$.result.id', '$.result.create_time_ms',
                '$.result.currency_pair', '$.result.price', '$.result.amount',
                '$.result.side'
            ]
        ) as f
    from json_lines

)

select
    line_number,
    'trade' as kind,
    'gateio' as exchange,
    f[5] as symbol,
    f[3] as source_seq,
    f[4] as ts,
    f[6] as price,
    f[7] as volume,
    f[8] as taker,
    case f[8] when 'buy' then 1 when 'sell' then -1 end as side,
    null::integer as contract_usd,
    null::varchar as microstructure_flags,
    case
        when f[1] = 'spot.trades' and f[2] = 'update' then 'trade'
        when starts_with(f[1], 'spot.') then 'other'
    end as message,
    case
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'id',
        'ts': 'create_time_ms',
        'price': 'price',
        'volume': 'amount',
        'side': 'side',
        'sides': 'buy nor sell',
        'symbol': 'currency_pair'
    } as field_names
from fields
