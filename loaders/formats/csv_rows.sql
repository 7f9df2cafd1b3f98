-- Lines as rows of a CSV file.
select
    line_number,
    line,
    cells(line) as c
from lines
