-- Messages of Coinbase Exchange's websocket, channels `matches` and `full`.
--
-- {"type":"match","trade_id":600000001,"maker_order_id":"5e…","taker_order_id":"7c…","side":"sell","size":"0.0025","price":"67510.25","product_id":"BTC-USD","sequence":81000000001,"time":"2024-06-01T12:00:00.123456Z"}
--
-- Only matches are read; the first one after a subscription is called `last_match`. `side`
-- is the maker's, so the aggressor has the opposite side.
with

fields as (

    select
        line_number,
        body,
        json_extract_string(
            body,
            [
                '$.type', '$.trade_id', '$.time', '$.product_id', '$.size', '$.price',
                '$.side'
            ]
        ) as f
    from json_lines

)

select
    line_number,
    'trade' as kind,
    'coinbase' as exchange,
    f[4] as symbol,
    f[2] as source_seq,
    f[3] as ts,
    f[6] as price,
    f[5] as volume,
    f[7] as taker,
    case f[7] when 'sell' then 1 when 'buy' then -1 end as side,
    null::integer as contract_usd,
    null::varchar as microstructure_flags,
    case
        when f[1] in ('match', 'last_match') then 'trade'
        when f[2] is not null and f[6] is not null and f[5] is not null then null
        when
            f[1] in (
                'received', 'open', 'done', 'change', 'activate', 'heartbeat', 'ticker',
                'subscriptions', 'error', 'status', 'snapshot', 'l2update', 'auction',
                'balance', 'rfq_match', 'subscribe', 'unsubscribe'
            )
            then 'other'
    end as message,
    case
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'trade_id',
        'ts': 'time',
        'price': 'price',
        'volume': 'size',
        'side': 'side',
        'sides': 'buy nor sell',
        'symbol': 'product_id'
    } as field_names
from fields
