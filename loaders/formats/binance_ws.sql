-- Messages of Binance's websockets: raw or wrapped with the stream's name, with or without
-- the receive time before them.
--
-- 1717243201123456789 {"stream":"btcusdt@trade","data":{"e":"trade","E":1717243201123,"s":"BTCUSDT","t":900000001,"p":"67500.01","q":"0.015","T":1717243201122,"m":true,"M":true}}
--
-- Only `trade` and `aggTrade` are read here; `book.sql` reads quotes and depth. If `m` is
-- true, the buyer was the maker, so the seller was the aggressor. A futures trade has `X`:
-- rows other than MARKET, or with a price of zero, are the exchange's bookkeeping. They are
-- not market trades, but use an id.
with

spelled as (

    select
        *,
        -- Binance's spellings: `book.sql` reads these lines and refuses invalid ones.
        case
            when contains(line, 'e":"trade"') or contains(line, 'e":"aggTrade"')
                then false
            when contains(line, '"e":')
                then
                    contains(line, 'e":"bookTicker"')
                    or contains(line, 'e":"depthUpdate"')
            else contains(line, '"B":') or contains(line, '"lastUpdateId":')
        end as is_book
    from lines

),

message as (

    select
        line_number,
        is_book,
        message_of(if(is_book, null, line)) as body
    from spelled

),

event as (

    select
        *,
        members(body, ['e', 's', 't', 'T', 'p', 'q', 'm', 'M', 'X']) as f
    from message

),

named as (

    select
        * exclude (f),
        f[1] as event_name,
        f[2] as symbol,
        f[3] as trade_id,
        f[4] as ts,
        f[5] as price,
        f[6] as volume,
        f[7] as taker,
        f[9] as market_kind,
        case when event_name = 'aggTrade' then members(body, ['a', 'f', 'l']) end
            as aggregated,
        case when event_name is null then members(body, ['u', 'lastUpdateId']) end
            as update_ids,
        case
            when
                getvariable('exchange') in (
                    'binance_spot', 'binance_usdm', 'binance_coinm'
                )
                then getvariable('exchange')
            when is_inverse(symbol) then 'binance_coinm'
            when market_kind is not null then 'binance_usdm'
            when f[8] is not null then 'binance_spot'
        end as exchange
    from event

),

sorted as (

    select
        *,
        case
            when event_name in ('trade', 'aggTrade')
                then case
                    when market_kind in ('INSURANCE_FUND', 'ADL', 'NA') then 'void'
                    when exchange = 'binance_spot' and event_name = 'trade' then 'trade'
                    when
                        exchange = 'binance_spot' and aggregated[2] <> '-1'
                        then 'trade'
                    when is_zero(price) then 'void'
                    else 'trade'
                end
            when is_book or event_name in ('bookTicker', 'depthUpdate') then 'book'
            when
                event_name is null
                and coalesce(update_ids[1], update_ids[2]) is not null
                then 'book'
            when ts is not null and price is not null and volume is not null then null
            when
                event_name in (
                    'markPriceUpdate',
                    '24hrTicker',
                    '24hrMiniTicker',
                    'avgPrice',
                    'kline',
                    'continuous_kline',
                    'indexPrice_kline',
                    'markPrice_kline',
                    '1hTicker',
                    '4hTicker', '1dTicker', 'forceOrder', 'indexPriceUpdate',
                    'compositeIndex', 'assetIndexUpdate', 'contractInfo',
                    'tradingSession', 'referencePrice', 'blockTrade', 'serverShutdown'
                )
                then 'other'
            -- Replies to a request, and streams that send lists.
            when
                event_name is null
                and (
                    json_type(body, '$.data') = 'ARRAY'
                    or list_has_any(
                        json_keys(body),
                        ['result', 'error', 'code', 'ping', 'pong', 'method']
                    )
                )
                then 'other'
        end as message
    from named

)

select
    line_number,
    event_name as kind,
    symbol,
    ts,
    price,
    volume,
    case event_name when 'aggTrade' then aggregated[1] else trade_id end as source_seq,
    taker,
    case taker when 'true' then -1 when 'false' then 1 end as side,
    message,
    exchange,
    case when exchange = 'binance_coinm' then contract_usd(symbol) end as contract_usd,
    case when event_name = 'aggTrade' then range_flags(aggregated[2], aggregated[3]) end
        as microstructure_flags,
    case
        when is_book then null
        when market_kind not in ('MARKET', 'INSURANCE_FUND', 'ADL', 'NA')
            then 'X is none of MARKET, INSURANCE_FUND, ADL, NA' || shown(market_kind)
        when message = 'trade' and exchange = 'binance_coinm' and contract_usd is null
            then
                's: what a contract of '
                || symbol
                || ' is worth is not known; those of COIN-M are called '
                || 'like BTCUSD_PERP or BTCUSD_260327: name it so with --symbol, or '
                || 'another market with --exchange'
        when message is null and ts is not null and price is not null
            then 'e is no event with such fields' || coalesce(shown(event_name), '')
        when message is null then unknown_message(body)
        when event_name = 'aggTrade' and message = 'trade'
            then no_range(aggregated[2], aggregated[3])
    end as complaint,
    {
        'source_seq': case event_name when 'aggTrade' then 'a' else 't' end,
        'ts': 'T',
        'price': 'p',
        'volume': 'q',
        'side': 'm',
        'sides': 'true nor false',
        'symbol': 's'
    } as field_names
from sorted
