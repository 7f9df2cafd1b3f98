-- Lines as rows of a CSV file.
select
    line_number,
    cells(line) as c
from lines
