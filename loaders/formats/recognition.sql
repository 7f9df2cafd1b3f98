-- noqa: disable=layout.long_lines
-- Patterns that recognise the format of a recording by its first lines: a line belongs to a
-- format if it matches both patterns. Binance's CSV files have four layouts; the layout of
-- most lines is used. A pattern stays on one line here, however long.
with

formats (format, layout, pattern, other_pattern) as (

    values
    (
        'binance_ws', '',
        '"e"\s*:\s*"(trade|aggTrade|bookTicker|depthUpdate)"|"stream"\s*:\s*"[a-z0-9_]+@|"u":\d+,"s":"[A-Z0-9_]+","b":"|"lastUpdateId"',
        '^\s*([0-9TZ:.-]+\s+)?\{'
    ),
    (
        'coinbase', '',
        '"type"\s*:\s*"(match|last_match|received|open|done|change|activate|heartbeat|ticker)"',
        '"product_id"'
    ),
    (
        'kraken', '',
        '"channel"\s*:\s*"(trade|book|ticker|ohlc|heartbeat|status|instrument)"',
        '"data"\s*:\s*\[|^\s*\{\s*"channel"\s*:\s*"[a-z]+"\s*\}\s*$'
    ),
    ('bitstamp', '', '"channel"\s*:\s*"live_trades_', '"event"'),
    (
        'tardis_csv', '',
        '^exchange,symbol,timestamp,local_timestamp,id,side,price,amount\s*$', ''
    ),
    (
        'tardis_normalised',
        '',
        '"type"\s*:\s*"(trade|book_change|quote|derivative_ticker)"',
        '"localTimestamp"'
    ),
    (
        'hyperliquid', '',
        '"channel"\s*:\s*"(trades|l2Book|bbo|subscriptionResponse)"',
        '"(coin|subscription)"'
    ),
    ('bybit', '', '"topic"\s*:\s*"publicTrade\.', '"data"'),
    ('gateio', '', '"channel"\s*:\s*"spot\.trades"', '"currency_pair"|"payload"'),
    ('okx', '', '"channel"\s*:\s*"trades(-all)?"', '"instId"'),
    -- id, price, quantity, value, time, buyer is maker, best match
    (
        'binance_csv', 'spot trade',
        '^(0|[1-9]\d*),[0-9.eE-]+,[0-9.eE-]+,[0-9.eE-]+,\d{13}(\d{3})?,(?i:true|false),(?i:true|false)\s*$',
        ''
    ),
    (
        'binance_csv', 'spot trade',
        '^id,price,qty,quote_qty,time,is_buyer_maker,is_best_match\s*$', ''
    ),
    -- id, price, quantity, first and last trade id, time, buyer is maker, best match
    (
        'binance_csv', 'spot aggTrade',
        '^(0|[1-9]\d*),[0-9.eE-]+,[0-9.eE-]+,(-1|0|[1-9]\d*),(-1|0|[1-9]\d*),\d{13}(\d{3})?,(?i:true|false),(?i:true|false)\s*$',
        ''
    ),
    (
        'binance_csv', 'spot aggTrade',
        '^agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker,is_best_match\s*$',
        ''
    ),
    (
        'binance_csv', 'futures trade',
        '^(0|[1-9]\d*),[0-9.eE-]+,[0-9.eE-]+,[0-9.eE-]+,\d{13}(\d{3})?,(?i:true|false)\s*$',
        ''
    ),
    (
        'binance_csv', 'futures trade',
        '^id,price,qty,(quote|base)_qty,time,is_buyer_maker\s*$', ''
    ),
    (
        'binance_csv', 'futures aggTrade',
        '^(0|[1-9]\d*),[0-9.eE-]+,[0-9.eE-]+,(-1|0|[1-9]\d*),(-1|0|[1-9]\d*),\d{13}(\d{3})?,(?i:true|false)\s*$',
        ''
    ),
    (
        'binance_csv', 'futures aggTrade',
        '^agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker\s*$',
        ''
    ),
    -- Any CSV whose header has this project's names.
    (
        'csv', '',
        '^(?=(.*,)?\s*"?ts"?\s*(,|$))(?=(.*,)?\s*"?source_seq"?\s*(,|$))(?=(.*,)?\s*"?price"?\s*(,|$))(?=(.*,)?\s*"?volume"?\s*(,|$))',
        ''
    )

)

select
    format,
    layout,
    pattern,
    other_pattern
from formats
