-- Messages of OKX's websocket, channels `trades` and `trades-all`.
--
-- {"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"67500.1","sz":"0.12060306","side":"buy","ts":"1717243201122","count":"3"}]}
--
-- `side` is the taker's side. A trade of channel `trades` may combine several trades and has
-- the id of the last one. Sizes of swaps and futures are contracts: of 0.01 bitcoin if
-- priced in USDT or USDC, of 100 dollars if priced in USD.
with

fields as (

    select
        *,
        json_extract_string(body, '$.arg.channel') as channel,
        channel in ('trades', 'trades-all') as is_channel,
        json_extract_string(
            trade, ['$.instId', '$.tradeId', '$.px', '$.sz', '$.side', '$.ts']
        ) as f,
        regexp_extract(f[1], '^BTC-(USD[TC]?)-(SWAP|[0-9]{6})$', 1) as contract_in
    from json_trades

)

select
    line_number,
    case channel when 'trades-all' then 'trade' else 'aggTrade' end as kind,
    case
        when contract_in = 'USD' then 'okx_inverse'
        when contract_in <> '' then 'okx_linear'
        when f[1] is not null then 'okx_spot'
    end as exchange,
    f[1] as symbol,
    f[2] as source_seq,
    f[6] as ts,
    f[3] as price,
    case
        when exchange = 'okx_linear' and is_number(f[4])
            then plain(try_cast(f[4] as decimal(24, 10)) * 0.01)
        else f[4]
    end as volume,
    f[5] as taker,
    case f[5] when 'buy' then 1 when 'sell' then -1 end as side,
    case when exchange = 'okx_inverse' then 100 end as contract_usd,
    null::varchar as microstructure_flags,
    case
        when is_channel and trade is not null then 'trade'
        when is_channel and list_contains(json_keys(body), 'event') then 'other'
        when is_channel then null
        when channel is not null then 'other'
        -- Replies to a request.
        when list_contains(json_keys(body), 'event') then 'other'
    end as message,
    case
        when message is null and is_channel then 'data is no list of trades'
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'tradeId',
        'ts': 'ts',
        'price': 'px',
        'volume': 'sz',
        'side': 'side',
        'sides': 'buy nor sell',
        'symbol': 'instId'
    } as field_names
from fields
