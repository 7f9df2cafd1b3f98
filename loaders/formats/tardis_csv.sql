-- CSV files of trades that Tardis publishes for many venues.
--
-- exchange,symbol,timestamp,local_timestamp,id,side,price,amount
-- bitfinex,BTCUSD,1717243200123456,1717243200125000,1550000001,buy,67515,0.0123
--
-- Only venues are loaded whose amounts are known to be coins (spot, and linear futures
-- measured in coins) or COIN-M contracts.
select
    line_number,
    'trade' as kind,
    exchange_of_tardis(c[1]) as exchange,
    case when len(c) = 8 then c[2] end as symbol,
    c[5] as source_seq,
    c[3] as ts,
    c[7] as price,
    c[8] as volume,
    c[6] as taker,
    case c[6] when 'buy' then 1 when 'sell' then -1 when 'unknown' then 0 end as side,
    case when exchange = 'binance_coinm' then contract_usd(symbol) end as contract_usd,
    null::varchar as microstructure_flags,
    case when line_number = 1 and c[1] = 'exchange' then 'header' else 'trade' end
        as message,
    case
        when message = 'header' then null
        when len(c) <> 8 then 'line has ' || len(c) || ' columns, not 8'
        when exchange is null then unknown_amounts(c[1])
        when exchange = 'binance_coinm' and contract_usd(symbol) is null
            then 'symbol is no contract of COIN-M' || shown(symbol)
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
from csv_rows
