-- Binance's published CSV files of past days and months, with trades or aggregate trades.
--
-- Spot:    3600000001,42500.01000000,0.01000000,425.00010000,1704067200123,True,True
-- Futures: id,price,qty,quote_qty,time,is_buyer_maker
--          4500000001,42510.1,0.010,425.101,1704067200123,true
--
-- Spot files have no header; their times are in ms before 2025 and in µs since. Futures
-- files have had a header since about 2022. Instrument, market and layout come from
-- variables. A futures row with a price of zero is not a trade, but uses an id.
with

named as (

    select
        line_number,
        c,
        getvariable('kind') as kind,
        getvariable('columns') as width,
        c[1] as source_seq,
        c[2] as price,
        c[3] as volume,
        case kind when 'trade' then c[5] else c[6] end as ts,
        case kind when 'trade' then c[6] else c[7] end as taker,
        case kind when 'aggTrade' then c[4] end as first_id,
        case kind when 'aggTrade' then c[5] end as last_id
    from csv_rows

)

select
    line_number,
    kind,
    getvariable('market') as exchange,
    getvariable('symbol') as symbol,
    source_seq,
    ts,
    price,
    volume,
    taker,
    case
        when taker in ('true', 'True', 'TRUE') then -1
        when taker in ('false', 'False', 'FALSE') then 1
    end as side,
    getvariable('contract_usd')::integer as contract_usd,
    case when kind = 'aggTrade' then range_flags(first_id, last_id) end
        as microstructure_flags,
    case
        when line_number = 1 and price = 'price' then 'header'
        when exchange <> 'binance_spot' and is_zero(price) then 'void'
        when first_id = '-1' and is_zero(price) then 'void'
        else 'trade'
    end as message,
    case
        when len(c) <> width and message <> 'header'
            then 'line has ' || len(c) || ' columns, not ' || width
        when kind = 'aggTrade' and message = 'trade' then no_range(first_id, last_id)
    end as complaint,
    {
        'source_seq': 'id',
        'ts': 'time',
        'price': 'price',
        'volume': 'qty',
        'side': 'is_buyer_maker',
        'sides': 'true nor false',
        'symbol': 'symbol'
    } as field_names
from named
