-- One row for each trade of a message with a list of trades; null for other messages.
select
    line_number,
    body,
    unnest(trades_of(body)) as trade
from json_lines
