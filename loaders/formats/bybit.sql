-- Messages of Bybit's websocket, version 5, topics `publicTrade.…`.
--
-- {"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1717243201124,"data":[{"T":1717243201122,"s":"BTCUSDT","S":"Buy","v":"0.001","p":"67500.50","L":"PlusTick","i":"20f43950-d8dd-5b31-9112-a178eb6023af","BT":false}]}
--
-- `S` is the taker's side. Spot trades have numeric ids. Futures trades have UUIDs: their
-- first 60 bits are the id, which is unique and not ordered. Futures priced in USD are
-- inverse, in contracts of one dollar. Block trades are not market trades.
with

fields as (

    select
        *,
        json_extract_string(body, '$.topic') as topic,
        starts_with(topic, 'publicTrade.') as is_topic,
        json_extract_string(
            trade, ['$.i', '$.T', '$.s', '$.S', '$.p', '$.v', '$.BT']
        ) as f
    from json_trades

)

select
    line_number,
    'trade' as kind,
    case
        when not contains(f[1], '-') then 'bybit_spot'
        when ends_with(f[3], 'USD') then 'bybit_inverse'
        when f[1] is not null then 'bybit_linear'
    end as exchange,
    f[3] as symbol,
    case
        when
            regexp_full_match(
                f[1], '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'
            )
            then ('0x' || left(replace(f[1], '-', ''), 15))::bigint::varchar
        else f[1]
    end as source_seq,
    f[2] as ts,
    f[5] as price,
    f[6] as volume,
    f[4] as taker,
    case f[4] when 'Buy' then 1 when 'Sell' then -1 end as side,
    case when exchange = 'bybit_inverse' then 1 end as contract_usd,
    null::varchar as microstructure_flags,
    case
        when is_topic and f[7] = 'true' then 'other'
        when is_topic and trade is not null then 'trade'
        when is_topic and json_array_length(body, '$.data') is null then null
        when topic is not null and not is_topic then 'other'
        -- Replies to a request.
        when
            topic is null
            and list_has_any(json_keys(body), ['op', 'success', 'ret_msg'])
            then 'other'
    end as message,
    case
        when message is null and is_topic then 'data is no list of trades'
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'i',
        'ts': 'T',
        'price': 'p',
        'volume': 'v',
        'side': 'S',
        'sides': 'Buy nor Sell',
        'symbol': 's'
    } as field_names
from fields
