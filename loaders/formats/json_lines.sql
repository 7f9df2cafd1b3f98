-- Lines parsed as JSON, for formats with one message per line.
select
    line_number,
    message_of(line) as body
from lines
