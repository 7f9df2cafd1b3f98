-- Rules for values that all formats share. A value is the text in the file.
-- Without this, sqlfluff wants no indent at all below `create macro … as`:
-- sqlfluff:exclude_rules:structure.column_order,layout.indent

-- A refused value as shown in messages.
create macro shown(t) as
    ' (''' || case when length(t) > 80 then left(t, 79) || '…' else t end || ''')';

create macro is_number(t) as
    regexp_full_match(t, '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*');

-- Number of digits after the point without trailing zeros, with the exponent applied.
create macro decimals(t) as
    length(rtrim(regexp_extract(t, '\.([0-9]*)', 1), '0'))
    - coalesce(try_cast(regexp_extract(t, '[eE]([+-]?[0-9]+)', 1) as integer), 0);

-- A decimal as text without trailing zeros.
create macro plain(number) as
    rtrim(rtrim(number::varchar, '0'), '.');

-- A non-negative decimal with at most so many digits before and after the point, as text
-- without an exponent; null if invalid. The text is checked before the cast, because a cast
-- rounds and reads `1_0` as 10.
create macro exact(t, whole, fraction) as
    case
        when
            regexp_full_match(
                t, '[0-9]{1,' || whole || '}(\.[0-9]{1,' || fraction || '}0*)?'
            )
            then t
        when
            is_number(t)
            and try_cast(t as decimal(38, 18)) >= 0
            and try_cast(t as decimal(38, 18)) < power(10::bigint, whole)
            and decimals(t) <= fraction
            then plain(try_cast(t as decimal(38, 18)))
    end;

create macro is_zero(t) as
    is_number(t) and not regexp_matches(split_part(lower(t), 'e', 1), '[1-9]');

-- A decimal of either sign within the project's exact range, as text without an exponent;
-- null if invalid.
create macro decimal_of(t) as
    case
        when regexp_full_match(t, '-?[0-9]{1,20}(\.[0-9]{1,18}0*)?') then t
        when is_number(t) and decimals(t) <= 18
            then plain(try_cast(t as decimal(38, 18)))
    end;

create macro is_negative(t) as starts_with(ltrim(t), '-') and not is_zero(t);

-- Why `decimal_of` is null.
create macro no_decimal(name, t) as
    case
        when t is null then name || ' is missing'
        when decimal_of(t) is not null then null
        when not is_number(t) then name || ' is no number' || shown(t)
        when decimals(t) > 18 then name || ' has more than 18 decimals' || shown(t)
        else name || ' has more than 20 digits before the point' || shown(t)
    end;

-- Why a value is not a price, size or volume (these are not negative).
create macro no_quantity(name, t) as
    case
        when decimal_of(t) is not null and is_negative(t)
            then name || ' is negative' || shown(t)
        else no_decimal(name, t)
    end;

-- Why `exact` is null or zero.
create macro no_amount(name, t, whole, fraction) as
    case
        when t is null then name || ' is missing'
        when not is_number(t) then name || ' is no number' || shown(t)
        when starts_with(ltrim(t), '-') and regexp_matches(t, '[1-9]')
            then name || ' is negative' || shown(t)
        when is_zero(t)
            then name || ' is zero' || shown(t)
        when decimals(t) > fraction
            then name || ' has more than ' || fraction || ' decimals' || shown(t)
        when exact(t, whole, fraction) is null
            then
                name || ' has more than ' || whole || ' digits before the point'
                || shown(t)
    end;

-- A whole number from 0 to 2^63 - 1; null if invalid.
create macro whole_number(t) as
    case when regexp_full_match(t, '\s*[0-9]+\s*') then try_cast(t as bigint) end;

create macro no_whole_number(name, t) as
    case
        when coalesce(t, '') = '' then name || ' is missing'
        when not regexp_full_match(t, '\s*[0-9]+\s*')
            then name || ' is no whole number' || shown(t)
        when try_cast(t as bigint) is null
            then name || ' is beyond the largest whole number' || shown(t)
    end;

-- Microseconds since the epoch; finer digits are cut off. The value is a number of seconds,
-- milli-, micro- or nanoseconds (its size shows the unit), or an ISO 8601 time, in UTC
-- unless it has an offset. Null if invalid.
create macro microseconds(t) as
    case
        when regexp_full_match(t, '[0-9]{13}') then t::bigint * 1000
        when regexp_full_match(t, '[0-9]{16}') then t::bigint
        when regexp_full_match(t, '[0-9]{19}') then (t::hugeint // 1000)::bigint
        when
            regexp_full_match(t, '\s*[0-9]{10,19}(\.[0-9]*)?\s*')
            then case length(split_part(trim(t), '.', 1))
                when 10 then floor(t::decimal(38, 9) * 1000000)::bigint
                when 13 then floor(t::decimal(38, 9) * 1000)::bigint
                when 16 then floor(t::decimal(38, 9))::bigint
                when 19 then (floor(t::decimal(38, 9))::hugeint // 1000)::bigint
            end
        when
            regexp_full_match(
                t,
                '\s*[0-9]{4}-[0-9]{2}-[0-9]{2}'
                || '([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?'
                || '\s?(Z|UTC|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)?)?\s*'
            )
            then epoch_us(try_cast(t as timestamptz))
    end;

-- Whether a time lies between the first bitcoins, or another day, and the end of tomorrow.
create macro is_possible_time(us, since := '2009-01-03') as
    us >= epoch_us(since::timestamptz)
    and us < epoch_us((current_date + 2)::timestamptz);

create macro no_time(name, t, since := '2009-01-03') as
    case
        when coalesce(t, '') = '' then name || ' is missing'
        when
            regexp_full_match(t, '\s*[0-9]+(\.[0-9]*)?\s*')
            and length(split_part(trim(t), '.', 1)) between 10 and 19
            and microseconds(t) is null
            then
                name || ' is neither in seconds, milli-, micro- nor nanoseconds'
                || shown(t)
        when microseconds(t) is null and not is_number(t)
            then name || ' is no time' || shown(t)
        else name || ' is not between ' || left(since, 4) || ' and tomorrow' || shown(t)
    end;

-- Microseconds since the epoch of a time with a zone, or of a number.
create macro zoned_microseconds(t) as
    case
        when
            regexp_full_match(t, '\s*[0-9]+(\.[0-9]*)?\s*')
            or regexp_full_match(
                t, '.*:[0-9.]+\s?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)\s*'
            )
            then microseconds(t)
    end;

-- Why a value is not a time of an exchange that opened in 2023.
create macro no_zoned_time(name, t) as
    case
        when is_possible_time(zoned_microseconds(t), since := '2023-01-01') then null
        when zoned_microseconds(t) is null and microseconds(t) is not null
            then name || ' has no zone: write Z or an offset behind it' || shown(t)
        else no_time(name, t, since := '2023-01-01')
    end;

-- The full hour of a payment, in milliseconds: the exchange writes a time within the first
-- minute after it. Null for any other time.
create macro hour_of(us) as
    case
        when us % 3600000000 < 60000000
            and is_possible_time(us, since := '2023-01-01')
            then (us - us % 3600000000) // 1000
    end;

create macro no_hour(name, t) as
    case
        when hour_of(microseconds(t)) is not null then null
        when is_possible_time(microseconds(t), since := '2023-01-01')
            then name || ' is more than a minute after a full hour' || shown(t)
        else no_time(name, t, since := '2023-01-01')
    end;

-- Why a rate is refused: a JSON number may have lost digits, a JSON string has not.
create macro no_rate(name, entry, t) as
    case
        when json_type(entry, '$.' || name) = 'DOUBLE'
            then
                name || ' is a number of JSON, which need not be exact; the exchange '
                || 'writes a text' || shown(t)
        else no_decimal(name, t)
    end;

-- The JSON message of a line; null if it is not JSON. The recorder's receive time may
-- precede it: nanoseconds, seconds and a colon, or ISO 8601.
create macro message_of(line) as
    case
        when
            json_valid(substr(line, strpos(line, '{')))
            and case
                when strpos(line, '{') > 1
                    then
                        regexp_full_match(
                            left(line, strpos(line, '{') - 1),
                            '\s*([0-9]+(\.[0-9]+)?:?\s+|[0-9-]+T[0-9:.]+Z\s+)?'
                        )
                else true
            end
            then substr(line, strpos(line, '{'))
    end;

-- The receive time, microseconds since the epoch.
create macro received_of(line) as
    case
        when strpos(line, '{') > 1
            then microseconds(rtrim(left(line, strpos(line, '{') - 1), ': '))
    end;

-- Members of a message by name, as text: of the message itself, or of its member `data`
-- if the message is wrapped with the stream's name.
create macro members(message, names) as
    case
        when contains(message, '"data"')
            then json_extract_string(message, ['$.data.' || name for name in names])
        else json_extract_string(message, ['$.' || name for name in names])
    end;

-- The values of a CSV line, without quotes and surrounding blanks.
create macro cells(line) as
    case
        -- Unbalanced quotes: return one value, which no format accepts.
        when
            contains(line, '"')
            and not regexp_full_match(
                line || ',', '((\s*"([^"]|"")*"\s*|[^,"]*),)+'
            )
            then [line]
        when contains(line, '"')
            then list_transform(
                regexp_extract_all(line || ',', '(\s*"(?:[^"]|"")*"\s*|[^,"]*),', 1),
                lambda cell: case
                    when starts_with(trim(cell), '"')
                        then replace(trim(trim(cell), '"'), '""', '"')
                    else trim(cell)
                end
            )
        when contains(line, ' ') or contains(line, chr(9))
            then list_transform(
                string_split(line, ','), lambda cell: trim(cell, chr(9) || ' ')
            )
        else string_split(line, ',')
    end;

-- Why a JSON message is not a known message of its venue; null if `message_of` could not
-- read it.
create macro unknown_message(message) as
    case
        when message is null then 'line is not JSON'
        when json_type(message) <> 'OBJECT' then 'line is no JSON object'
        else
            'line is no known message: it has '
            || coalesce(
                nullif(array_to_string(json_keys(message)[:8], ', '), ''), 'nothing'
            )
    end;

-- Whether a symbol has the form of a COIN-M contract at Binance: `BTCUSD_PERP`.
create macro is_inverse(symbol) as
    case
        when contains(symbol, '_')
            then regexp_full_match(symbol, '[A-Z0-9]+USD_(PERP|[0-9]{6})')
        else false
    end;

-- Value of a COIN-M contract in dollars, by its coin; null if the symbol has no coin.
create macro contract_usd(symbol) as
    case
        when regexp_full_match(symbol, 'BTCUSD[A-Z]?(_(PERP|[0-9]{6}))?') then 100
        when regexp_full_match(symbol, '[A-Z0-9]+USD[A-Z]?(_(PERP|[0-9]{6}))?') then 10
    end;

-- The quotient of two whole numbers, rounded half-even.
create macro rounded(dividend, divisor) as
    dividend // divisor
    + case
        when
            (dividend % divisor) * 2 > divisor
            or ((dividend % divisor) * 2 = divisor and (dividend // divisor) % 2 = 1)
            then 1
        else 0
    end;

-- Inverse contracts of `usd` dollars each, converted to coins at a price; 12 decimals.
create macro coins(contracts, usd, price) as
    (
        rounded(
            contracts::hugeint * usd * 100000000000000000000,
            (price::decimal(38, 8) * 100000000)::hugeint
        )::decimal(38, 0) * 0.000000000001::decimal(13, 12)
    )::varchar;

-- Limits within which `coins` fits in 128 bits; real values are far smaller.
create macro are_contracts(contracts, price) as
    regexp_full_match(contracts, '[0-9]{1,9}(\.0*)?')
    and try_cast(price as decimal(18, 8)) between 1 and 9000000000;

create macro no_contracts(name, contracts, price_name, price) as
    case
        when not regexp_full_match(contracts, '[0-9]{1,9}(\.0*)?')
            then name || ' is no number of contracts' || shown(contracts)
        else price_name || ' is no price of a contract' || shown(price)
    end;

-- Why the first and last trade id of an aggregate are not a valid range.
create macro no_range(first_id, last_id) as
    case
        when first_id is null then 'f is missing'
        when last_id is null then 'l is missing'
        when whole_number(first_id) is null then 'f is no trade id' || shown(first_id)
        when whole_number(last_id) is null then 'l is no trade id' || shown(last_id)
        when whole_number(first_id) > whole_number(last_id)
            then 'f is above l ' || last_id || shown(first_id)
    end;

-- The ids of an aggregate's trades as JSON (JSON numbers have no leading zeros).
create macro range_flags(first_id, last_id) as
    '{"first_trade_id": ' || whole_number(first_id)
    || ', "last_trade_id": ' || whole_number(last_id) || '}';

-- This project's name of a Tardis venue. Null unless its amounts are known to be coins
-- (spot, and linear futures measured in coins) or COIN-M contracts.
create macro exchange_of_tardis(name) as
    case
        when name = 'binance' then 'binance_spot'
        when name = 'binance-futures' then 'binance_usdm'
        when name = 'binance-delivery' then 'binance_coinm'
        when
            name in (
                'binance-us', 'bitfinex', 'bitflyer', 'bitget', 'bitnomial', 'bitstamp',
                'bitvavo', 'bybit-spot', 'coinbase', 'crypto-com', 'ftx', 'ftx-us',
                'gate-io', 'gemini', 'hitbtc', 'huobi', 'kraken', 'kucoin', 'okcoin',
                'okex', 'phemex-spot', 'poloniex', 'upbit'
            )
            then replace(name, '-', '_')
    end;

create macro unknown_amounts(exchange) as
    'exchange: whether amounts of '''
    || left(exchange, 40)
    || ''' are coins, dollars or '
    || 'contracts is not known; convert them to coins and load the file with '
    || '--format csv and --exchange';

-- The trades of a message with a list `data`; a single null if there is no such list.
create macro trades_of(message) as
    case
        when json_array_length(message, '$.data') > 0
            then json_extract(message, '$.data[*]')
        else [null]
    end;

-- Whether the prices and sizes of a quote are plain decimals.
create macro are_plain(bid, bid_size, ask, ask_size) as
    regexp_full_match(
        bid || ' ' || bid_size || ' ' || ask || ' ' || ask_size || ' ',
        '([0-9]{1,10}(\.[0-9]{1,8}0*)? ){4}'
    );

create macro no_plain_amount(name, t) as
    case
        when regexp_full_match(t, '[0-9]{1,10}(\.[0-9]{1,8}0*)?') then null
        when is_zero(t) or no_amount(name, t, 10, 8) is null
            then name || ' is not in plain digits' || shown(t)
        else no_amount(name, t, 10, 8)
    end;

-- Whether a value is the JSON of order-book levels, `[["67500.01","10"],["67499.9","2"]]`,
-- with plain decimals and no price of zero. Some levels have an empty list after the size.
create macro are_levels(t) as
    regexp_full_match(
        t,
        '\[(\["?[0-9]{1,10}(\.[0-9]{1,8}0*)?"?,'
        || '"?[0-9]{1,10}(\.[0-9]{1,8}0*)?"?(,\[\])?\],?)*\]'
    )
    and case
        when contains(t, '["0') or contains(t, '[0')
            then not regexp_matches(t, '\["?[0.]+"?,')
        else true
    end;

create macro no_levels(name, t) as
    case
        when are_levels(t) then null
        when not coalesce(starts_with(t, '['), false)
            then name || ' is no list of levels' || coalesce(shown(t), '')
        when regexp_matches(t, '\["?[0.]+"?,')
            then name || ' has a level whose price is zero' || shown(t)
        else coalesce(
            list_filter(
                list_transform(
                    regexp_extract_all(t, '[^\[\],"]+'),
                    lambda number: no_plain_amount(name, number)
                ),
                lambda complaint: complaint is not null
            )[1],
            name || ' has a level that is no price and size' || shown(t)
        )
    end;

create macro no_update_id(name, t) as
    name || ' is no update id' || coalesce(shown(t), '');
