-- Any CSV of trades whose columns are named, by its header or on the command line.
--
-- ts,source_seq,price,volume,side
-- 2024-06-01T12:00:00.25Z,1,67520.5,0.1,buy
--
-- Variables give the positions of the columns, from 1; null for a missing column. If
-- `is_buyer_maker` is true, the seller was the aggressor.
select
    line_number,
    'trade' as kind,
    getvariable('exchange') as exchange,
    case
        when len(c) = getvariable('columns')
            then coalesce(c[getvariable('symbol_at')], getvariable('symbol'))
    end as symbol,
    c[getvariable('source_seq_at')] as source_seq,
    c[getvariable('ts_at')] as ts,
    c[getvariable('price_at')] as price,
    c[getvariable('volume_at')] as volume,
    coalesce(c[getvariable('side_at')], c[getvariable('is_buyer_maker_at')]) as taker,
    case
        when getvariable('side_at') is not null
            then case
                when lower(taker) in ('buy', 'b', '1', '+1') then 1
                when lower(taker) in ('sell', 's', '-1') then -1
                when lower(taker) in ('unknown', '0', '') then 0
            end
        when getvariable('is_buyer_maker_at') is not null
            then case
                when lower(taker) in ('true', '1') then -1
                when lower(taker) in ('false', '0') then 1
            end
        else 0
    end as side,
    null::integer as contract_usd,
    null::varchar as microstructure_flags,
    case
        when line_number = 1 and getvariable('has_header') then 'header' else 'trade'
    end
        as message,
    case
        when message = 'trade' and len(c) <> getvariable('columns')
            then 'line has ' || len(c) || ' columns, not ' || getvariable('columns')
    end as complaint,
    {
        'source_seq': 'source_seq',
        'ts': 'ts',
        'price': 'price',
        'volume': 'volume',
        'side': case
            when getvariable('side_at') is null then 'is_buyer_maker'
            else 'side'
        end,
        'sides': case
            when getvariable('side_at') is null then 'true nor false'
            else 'buy nor sell nor unknown'
        end,
        'symbol': 'symbol'
    } as field_names
from csv_rows
