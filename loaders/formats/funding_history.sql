-- Answers of Hyperliquid's API, `fundingHistory`: an array with the hours of a coin, or one
-- hour per line.
--
-- [{"coin":"ETH","fundingRate":"-0.00022196","premium":"-0.00052196","time":1683849600076}]
--
-- The time is slightly after the full hour of the payment.
with

entries as (

    select
        line_number,
        unnest(
            case
                when json_valid(line) and json_type(line) = 'ARRAY'
                    then json_extract(line, '$[*]')
                when json_valid(line) then [line::json]
                else [null]
            end
        ) as entry,
        case when not json_valid(line) then line end as damaged
    from lines

),

texts as (

    select
        *,
        json_extract_string(entry, ['$.time', '$.coin', '$.fundingRate']) as f
    from entries

)

select
    line_number,
    hour_of(microseconds(f[1])) as time,
    f[2] as coin,
    decimal_of(f[3]) as rate,
    'funding_history' as source,
    coalesce(
        case
            when entry is null then 'line is not JSON'
            when json_type(entry) <> 'OBJECT' then 'entry is no JSON object'
        end,
        no_hour('time', f[1]),
        case when coalesce(f[2], '') = '' then 'coin is missing' end,
        no_rate('fundingRate', entry, f[3])
    ) as reason,
    case when reason is not null then coalesce(entry::varchar, damaged) end as refused
from texts
