-- Messages of the order book, for the fold of `loaders.ticks.books`; others as they were.
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
