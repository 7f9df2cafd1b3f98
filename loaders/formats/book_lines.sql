-- Order-book messages with the columns that `loaders.ticks.books` needs; other messages
-- unchanged.
select
    line_number,
    case when is_sound is false then 'refused' else message end as message,
    symbol,
    book_kind,
    event_time,
    case when is_snapshot then last_id else first_number end as first_id,
    last_id,
    previous_id,
    is_snapshot,
    quote_values,
    bids,
    asks,
    is_sound
from messages
