-- Valid messages as ticks; the kind of the other messages.
select
    line_number,
    case when is_sound then message else 'refused' end as message,
    kind,
    -- Valid messages of other kinds may be of any instrument: their symbol is not checked.
    case
        when not is_sound or message not in ('other', 'header') then symbol
    end as symbol,
    exchange,
    us as ts,
    id as source_seq,
    exact_price as price,
    case
        when is_sound and message = 'trade' and contract_usd is not null
            then coins(exact_volume, contract_usd, exact_price)
        else exact_volume
    end as volume,
    side,
    microstructure_flags
from checked
