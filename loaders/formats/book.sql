-- Binance's order-book messages: quotes, updates of levels, and snapshots of all levels.
-- `lines` has the `message` and `symbol` that `ticks.sql` found for each `line`. The event
-- time of a trade is read too: quotes without a time get the time of an earlier line.
--
-- {"u":400900217,"s":"BTCUSDT","b":"67500.01","B":"3.1","a":"67500.02","A":"4.5"}
-- {"e":"depthUpdate","E":1717243201123,"s":"BTCUSDT","U":157,"u":160,"b":[["67500.01","10"]],"a":[]}
-- {"lastUpdateId":160,"bids":[["67500.01","431"]],"asks":[["67500.02","12"]]}
--
-- A quote is bid, bid size, ask, ask size; an empty side has a price of zero. Levels are
-- JSON for `loaders.ticks.depth`. `is_sound` is null for messages that are not about the
-- order book.
with

message as (

    select
        *,
        case message
            when 'book' then message_of(line)
            when 'trade' then substr(line, strpos(line, '{'))
        end as body
    from lines

),

event as (

    select
        * exclude (line),
        case
            when message = 'trade' then members(body, ['E'])
            else members(
                body,
                [
                    'E', 'e', 's', 'b', 'B', 'a', 'A', 'U', 'u', 'pu', 'lastUpdateId',
                    'bids', 'asks'
                ]
            )
        end as f
    from message

),

named as (

    select
        *,
        microseconds(f[1]) as us,
        f[2] as event_name,
        case
            when message <> 'book' then null
            when event_name = 'bookTicker' then 'quote'
            when event_name = 'depthUpdate' then 'update'
            when event_name is not null then null
            when coalesce(f[11], f[12], f[13]) is not null then 'snapshot'
            when coalesce(f[5], f[7]) is not null then 'quote'
        end as book_kind
    from event

),

sorted as (

    select
        * exclude (symbol, us),
        case when is_possible_time(us) then us end as event_time,
        case
            when book_kind in ('update', 'snapshot')
                then json_extract_string(body, '$.stream')
        end as stream_name,
        -- A snapshot does not contain its instrument; its stream name may: btcusdt@depth20.
        case
            when message <> 'book' then symbol
            when book_kind = 'snapshot'
                then upper(regexp_extract(stream_name, '^([^@]+)@', 1))
            else f[3]
        end as symbol,
        case when book_kind = 'update' then whole_number(f[8]) end as first_number,
        whole_number(if(book_kind = 'snapshot', f[11], f[9])) as last_id,
        whole_number(f[10]) as previous_id,
        case book_kind when 'snapshot' then f[12] when 'update' then f[4] end as bids,
        case book_kind when 'snapshot' then f[13] when 'update' then f[6] end as asks,
        case
            when book_kind = 'quote' and are_plain(f[4], f[5], f[6], f[7])
                then f[4:7]::decimal(18, 8)[]
        end as quote_values
    from named

)

select
    *,
    -- These messages contain all best levels every time, so they replace older levels.
    book_kind = 'snapshot'
    or coalesce(regexp_matches(stream_name, '@depth(5|10|20)(@|$)'), false)
        as is_snapshot,
    case
        when message = 'book'
            then coalesce(
                last_id is not null
                and (event_name is null or event_time is not null)
                and (f[10] is null or previous_id is not null)
                and case book_kind
                    when 'quote'
                        then
                            symbol <> ''
                            and (
                                quote_values[1] < quote_values[3] or quote_values[3] = 0
                            )
                    when 'update' then symbol <> '' and first_number is not null
                    when 'snapshot' then true
                end
                and (book_kind = 'quote' or (are_levels(bids) and are_levels(asks))),
                false
            )
    end as is_sound
from sorted
