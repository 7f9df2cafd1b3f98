-- Lines as JSON: what formats of single messages read.
select
    line_number,
    message_of(line) as body
from lines
