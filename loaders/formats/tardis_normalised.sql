-- Messages of many venues, normalised by tardis-machine.
--
-- {"type":"trade","symbol":"BTCUSDT","exchange":"binance","id":"900000001","price":67500.01,"amount":0.015,"side":"sell","timestamp":"2024-06-01T12:00:01.122Z","localTimestamp":"2024-06-01T12:00:01.130Z"}
--
-- Only trades of the venues of tardis_csv.sql are loaded.
with

fields as (

    select
        line_number,
        body,
        json_extract_string(
            body,
            [
                '$.type', '$.exchange', '$.symbol', '$.id', '$.timestamp', '$.price',
                '$.amount', '$.side'
            ]
        ) as f
    from json_lines

)

select
    line_number,
    'trade' as kind,
    exchange_of_tardis(f[2]) as exchange,
    f[3] as symbol,
    f[4] as source_seq,
    f[5] as ts,
    f[6] as price,
    f[7] as volume,
    f[8] as taker,
    case f[8] when 'buy' then 1 when 'sell' then -1 when 'unknown' then 0 end as side,
    case when exchange = 'binance_coinm' then contract_usd(symbol) end as contract_usd,
    null::varchar as microstructure_flags,
    case
        when f[1] = 'trade' then 'trade'
        when
            f[1] in (
                'book_change', 'book_ticker', 'derivative_ticker', 'disconnect',
                'liquidation', 'option_summary', 'quote'
            )
            or starts_with(f[1], 'book_snapshot_')
            or starts_with(f[1], 'quote_')
            or starts_with(f[1], 'trade_bar_')
            then 'other'
    end as message,
    case
        when
            f[1] = 'trade' and exchange is null and f[2] <> ''
            then unknown_amounts(f[2])
        when f[1] = 'trade' and exchange is null then 'exchange is missing'
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 'id',
        'ts': 'timestamp',
        'price': 'price',
        'volume': 'amount',
        'side': 'side',
        'sides': 'buy nor sell nor unknown',
        'symbol': 'symbol'
    } as field_names
from fields
