-- Messages of Hyperliquid's websocket, channel `trades`.
--
-- {"channel":"trades","data":[{"coin":"BTC","side":"B","px":"67500.0","sz":"0.015","time":1717243201122,"hash":"0x0d…","tid":118906512037719,"users":["0x31…","0x7f…"]}]}
--
-- `side` is the taker's side: B bought, A sold. `tid` is a hash: unique and not ordered.
with

fields as (

    select
        *,
        json_extract_string(body, '$.channel') as channel,
        json_extract_string(
            trade, ['$.coin', '$.side', '$.px', '$.sz', '$.time', '$.tid']
        ) as f
    from json_trades

)

select
    line_number,
    'trade' as kind,
    'hyperliquid' as exchange,
    f[1] as symbol,
    f[6] as source_seq,
    f[5] as ts,
    f[3] as price,
    f[4] as volume,
    f[2] as taker,
    case f[2] when 'B' then 1 when 'A' then -1 end as side,
    null::integer as contract_usd,
    null::varchar as microstructure_flags,
    case
        when channel = 'trades' and trade is not null then 'trade'
        when channel = 'trades' and json_array_length(body, '$.data') is null then null
        when
            channel in (
                'trades', 'subscriptionResponse', 'l2Book', 'bbo', 'allMids', 'candle',
                'activeAssetCtx', 'pong', 'error'
            )
            then 'other'
    end as message,
    case
        when message is null and channel = 'trades' then 'data is no list of trades'
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'tid',
        'ts': 'time',
        'price': 'px',
        'volume': 'sz',
        'side': 'side',
        'sides': 'B nor A',
        'symbol': 'coin'
    } as field_names
from fields
