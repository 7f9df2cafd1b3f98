-- Messages of Kraken's websocket, version 2, channel `trade`.
--
-- {"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":67512.3,"qty":0.00012345,"ord_type":"market","trade_id":71000001,"timestamp":"2024-06-01T12:00:00.123456Z"}]}
--
-- A message has one or more trades; `side` is the taker's side. Price and quantity are JSON
-- numbers, not strings: their digits are read from the text, to keep them exact.
with

events as (

    select
        line_number,
        body,
        json_extract_string(body, '$.channel') as channel,
        -- JSON numbers are read as doubles, of up to 17 digits: longer numbers as decimals.
        unnest(
            case
                when regexp_matches(body, '[0-9.]{16}')
                    then from_json(
                        body,
                        '{"data":[{"price":"decimal(38,18)","qty":"decimal(38,18)"}]}'
                    ).data
            end
        ) as exactly,
        unnest(trades_of(body)) as trade
    from json_lines

),

fields as (

    select
        *,
        json_extract_string(
            trade,
            ['$.trade_id', '$.timestamp', '$.symbol', '$.side', '$.price', '$.qty']
        ) as f
    from events

)

select
    fields.line_number,
    'trade' as kind,
    'kraken' as exchange,
    fields.f[3] as symbol,
    fields.f[1] as source_seq,
    fields.f[2] as ts,
    coalesce(plain(exactly.price), fields.f[5]) as price,
    coalesce(plain(exactly.qty), fields.f[6]) as volume,
    fields.f[4] as taker,
    case fields.f[4] when 'buy' then 1 when 'sell' then -1 end as side,
    null::integer as contract_usd,
    null::varchar as microstructure_flags,
    case
        when fields.channel = 'trade' and fields.trade is not null then 'trade'
        when
            fields.f[1] is not null
            and fields.f[5] is not null
            and fields.f[6] is not null
            then null
        when
            fields.channel = 'trade'
            and json_array_length(fields.body, '$.data') is null
            then null
        when
            fields.channel in (
                'trade', 'book', 'ticker', 'ohlc', 'heartbeat', 'status', 'instrument',
                'level3', 'executions', 'balances'
            )
            then 'other'
        -- Replies to a request.
        when
            fields.channel is null
            and list_has_any(json_keys(fields.body), ['method', 'error'])
            then 'other'
    end as message,
    case
        when fields.trade is not null and json_type(fields.trade) <> 'OBJECT'
            then 'data holds something that is no trade' || shown(fields.trade::varchar)
        when
            message is null and fields.channel = 'trade'
            then 'data is no list of trades'
        when message is null then unknown_message(fields.body)
    end as complaint,
    {
        'source_seq': 'trade_id',
        'ts': 'timestamp',
        'price': 'price',
        'volume': 'qty',
        'side': 'side',
        'sides': 'buy nor sell',
        'symbol': 'symbol'
    } as field_names
from fields
