-- The rules of values that all formats share. A value is the text that the file has.
-- What sqlfluff expects below `create macro … as` is no indent at all:
-- sqlfluff:exclude_rules:structure.column_order,layout.indent

-- How a refused value is shown.
create macro shown(t) as
    ' (''' || case when length(t) > 80 then left(t, 79) || '…' else t end || ''')';

create macro is_number(t) as
    regexp_full_match(t, '\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\s*');

-- Digits behind the point that are no trailing zeros, an exponent taken into account.
create macro decimals(t) as
    length(rtrim(regexp_extract(t, '\.([0-9]*)', 1), '0'))
    - coalesce(try_cast(regexp_extract(t, '[eE]([+-]?[0-9]+)', 1) as integer), 0);

-- A decimal as text without trailing zeros.
create macro plain(number) as
    rtrim(rtrim(number::varchar, '0'), '.');

-- A decimal that is not negative, with so many digits before and behind the point, as
-- text without an exponent; null where it is none. The text is looked at before the cast,
-- which rounds and takes `1_0` for 10.
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

-- A decimal of either sign as the project carries it from end to end, as text without an
-- exponent; null where it is none.
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

-- Why it is no price, size or volume, which are not negative.
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

-- A whole number from 0 to 2^63 - 1, null where it is none.
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

-- Microseconds since the epoch, what is finer cut off: of a number of seconds, milli-,
-- micro- or nanoseconds, whose size tells which, or of a time as ISO 8601 writes it, in
-- UTC unless it has an offset; null where it is none.
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

-- From the first bitcoins, or another day, to the end of tomorrow.
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

-- Microseconds since the epoch of a time that says its zone, or is a number.
create macro zoned_microseconds(t) as
    case
        when
            regexp_full_match(t, '\s*[0-9]+(\.[0-9]*)?\s*')
            or regexp_full_match(
                t, '.*:[0-9.]+\s?(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)\s*'
            )
            then microseconds(t)
    end;

-- Why it is no time of an exchange that opened in 2023.
create macro no_zoned_time(name, t) as
    case
        when is_possible_time(zoned_microseconds(t), since := '2023-01-01') then null
        when zoned_microseconds(t) is null and microseconds(t) is not null
            then name || ' has no zone: write Z or an offset behind it' || shown(t)
        else no_time(name, t, since := '2023-01-01')
    end;

-- The full hour that a payment belongs to, in milliseconds: the exchange writes a moment
-- within the first minute. Null elsewhere.
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

-- Why a rate is none: a number of JSON may have lost digits, which a text has not.
create macro no_rate(name, entry, t) as
    case
        when json_type(entry, '$.' || name) = 'DOUBLE'
            then
                name || ' is a number of JSON, which need not be exact; the exchange '
                || 'writes a text' || shown(t)
        else no_decimal(name, t)
    end;

-- The message of a line, null where it is no JSON: a recorder's time of receipt may stand
-- before it, as nanoseconds, as seconds and a colon, or as ISO 8601.
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

-- Microseconds since the epoch of the time of receipt.
create macro received_of(line) as
    case
        when strpos(line, '{') > 1
            then microseconds(rtrim(left(line, strpos(line, '{') - 1), ': '))
    end;

-- Members of a message by name, as text: of the message itself, or of what stands under
-- `data` in it, where a stream puts its name around the message.
create macro members(message, names) as
    case
        when contains(message, '"data"')
            then json_extract_string(message, ['$.data.' || name for name in names])
        else json_extract_string(message, ['$.' || name for name in names])
    end;

-- The values of a line of CSV, without quotes and without blanks around them.
create macro cells(line) as
    case
        -- Quotes that do not match: one value, which no format has.
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

-- Why a message of JSON is none that its venue is known to send; null is what
-- `message_of` could not read.
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

-- Whether Binance spells it as a contract of COIN-M: `BTCUSD_PERP`.
create macro is_inverse(symbol) as
    case
        when contains(symbol, '_')
            then regexp_full_match(symbol, '[A-Z0-9]+USD_(PERP|[0-9]{6})')
        else false
    end;

-- Dollars that a contract of COIN-M is worth, by its coin; null where no coin is named.
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

-- Coins of inverse contracts, each worth `usd` dollars, at a price: exact, to 12 decimals.
create macro coins(contracts, usd, price) as
    (
        rounded(
            contracts::hugeint * usd * 100000000000000000000,
            (price::decimal(38, 8) * 100000000)::hugeint
        )::decimal(38, 0) * 0.000000000001::decimal(13, 12)
    )::varchar;

-- Within these, `coins` fits into 128 bits; nothing real comes near them.
create macro are_contracts(contracts, price) as
    regexp_full_match(contracts, '[0-9]{1,9}(\.0*)?')
    and try_cast(price as decimal(18, 8)) between 1 and 9000000000;

create macro no_contracts(name, contracts, price_name, price) as
    case
        when not regexp_full_match(contracts, '[0-9]{1,9}(\.0*)?')
            then name || ' is no number of contracts' || shown(contracts)
        else price_name || ' is no price of a contract' || shown(price)
    end;

-- Why the ids of an aggregate's trades are no range.
create macro no_range(first_id, last_id) as
    case
        when first_id is null then 'f is missing'
        when last_id is null then 'l is missing'
        when whole_number(first_id) is null then 'f is no trade id' || shown(first_id)
        when whole_number(last_id) is null then 'l is no trade id' || shown(last_id)
        when whole_number(first_id) > whole_number(last_id)
            then 'f is above l ' || last_id || shown(first_id)
    end;

-- The ids of an aggregate's trades as JSON, which has no leading zeros.
create macro range_flags(first_id, last_id) as
    '{"first_trade_id": ' || whole_number(first_id)
    || ', "last_trade_id": ' || whole_number(last_id) || '}';

-- This project's name of a venue of Tardis, null where it is not known that amounts are
-- coins (spot, and linear futures counted in them), or contracts of COIN-M.
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

-- The trades of a message that lists them under `data`; one null where it lists none.
create macro trades_of(message) as
    case
        when json_array_length(message, '$.data') > 0
            then json_extract(message, '$.data[*]')
        else [null]
    end;

-- Whether the prices and sizes of a quote are spelled in plain digits.
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

-- Whether it is the JSON of an order book's levels, `[["67500.01","10"],["67499.9","2"]]`,
-- in plain digits and without a price of zero. Some had an empty list behind the size.
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
