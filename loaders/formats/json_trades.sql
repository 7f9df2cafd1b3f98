-- Each trade of a message that holds a list of them; null for any other message.
select
    line_number,
    body,
    unnest(trades_of(body)) as trade
from json_lines
