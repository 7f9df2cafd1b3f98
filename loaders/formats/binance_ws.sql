-- Messages of Binance's websockets, as they came or with their stream's name around them,
-- with the time of receipt in front or without.
--
-- 1717243201123456789 {"stream":"btcusdt@trade","data":{"e":"trade","E":1717243201123,"s":"BTCUSDT","t":900000001,"p":"67500.01","q":"0.015","T":1717243201122,"m":true,"M":true}}
--
-- Taken are `trade` and `aggTrade`; quotes and depth go to the order book. `m` says that
-- the buyer was the maker, so the seller was the aggressor. A futures trade has `X`: what is
-- not MARKET is the exchange's own bookkeeping, as is a price of zero, and uses up an id.
with

message as (

    select
        line_number,
        received_of(line) as received,
        message_of(line) as body
    from lines

),

event as (

    select
        *,
        members(
            body,
            [
                'e', 's', 'E', 't', 'a', 'T', 'p', 'q', 'm', 'M', 'X', 'f', 'l', 'u',
                'lastUpdateId'
            ]
        ) as f
    from message

),

named as (

    select
        * exclude (f),
        f[1] as name,
        f[2] as symbol,
        f[3] as event_time,
        f[4] as trade_id,
        f[5] as aggregate_id,
        f[6] as ts,
        f[7] as price,
        f[8] as volume,
        f[9] as taker,
        f[10] is not null as is_spot,
        f[11] as market_kind,
        f[12] as first_id,
        f[13] as last_id,
        coalesce(f[14], f[15]) as update_id
    from event

)

select
    line_number,
    received,
    name as kind,
    symbol,
    event_time,
    ts,
    price,
    volume,
    case name when 'aggTrade' then aggregate_id else trade_id end as source_seq,
    taker,
    case taker when 'true' then -1 when 'false' then 1 end as side,
    case when is_inverse(symbol) then contract_usd(symbol) end as contract_usd,
    case
        when is_inverse(symbol) then 'binance_coinm'
        when market_kind is not null then 'binance_usdm'
        when is_spot then 'binance_spot'
    end as exchange,
    case
        when name = 'aggTrade'
            then
                '{"first_trade_id": ' || first_id
                || ', "last_trade_id": ' || last_id || '}'
    end as microstructure_flags,
    case
        when name in ('trade', 'aggTrade')
            then case
                when market_kind in ('INSURANCE_FUND', 'ADL', 'NA') then 'void'
                when is_spot and name = 'trade' then 'trade'
                when is_spot and first_id <> '-1' then 'trade'
                when is_zero(price) then 'void'
                else 'trade'
            end
        when name in ('bookTicker', 'depthUpdate') then 'book'
        when name is null and update_id is not null then 'book'
        when
            name in (
                'markPriceUpdate', '24hrTicker', '24hrMiniTicker', 'avgPrice', 'kline',
                'continuous_kline', 'indexPrice_kline', 'markPrice_kline', '1hTicker',
                '4hTicker', '1dTicker', 'forceOrder', 'indexPriceUpdate',
                'compositeIndex', 'assetIndexUpdate', 'contractInfo', 'tradingSession',
                'referencePrice', 'blockTrade', 'serverShutdown'
            )
            then 'other'
        -- Answers to a request, and streams that send lists.
        when
            name is null
            and (
                json_type(body, '$.data') = 'ARRAY'
                or list_has_any(
                    json_keys(body), ['result', 'error', 'code', 'ping', 'pong', 'method']
                )
            )
            then 'other'
    end as message,
    case
        when body is null then 'line is not JSON'
        when
            name is not null and name <> 'trade' and name <> 'aggTrade'
            and ts is not null and price is not null and volume is not null
            then 'e is no event with such fields' || shown(name)
        when market_kind not in ('MARKET', 'INSURANCE_FUND', 'ADL', 'NA')
            then 'X is none of MARKET, INSURANCE_FUND, ADL, NA' || shown(market_kind)
        when name = 'aggTrade' and message = 'trade'
            then no_range(first_id, last_id)
        when message is null then unknown_message(body)
    end as complaint,
    {
        'source_seq': 't or a',
        'ts': 'T',
        'price': 'p',
        'volume': 'q',
        'side': 'm',
        'symbol': 's'
    } as names
from named
