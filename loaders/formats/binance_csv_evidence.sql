-- Evidence in the first rows of a futures file: are quantities coins or contracts?
--
-- The fourth number of a trade is its rounded value in the other unit: dollars if the
-- quantity is in coins (`quote_qty`); coins if it is in contracts (`base_qty`) of 10 or
-- 100 dollars.
with

numbers as (

    select
        try_cast(cells(line)[2] as double) as price,
        try_cast(cells(line)[3] as double) as quantity,
        try_cast(cells(line)[4] as double) as worth
    from lines
    where
        try_cast(cells(line)[2] as double) > 0
        and try_cast(cells(line)[3] as double) > 0

)

select
    count(*) as row_count,
    count(*) filter (
        where
        quantity <> trunc(quantity)
        or (getvariable('kind') = 'trade' and abs(worth / (price * quantity) - 1) < 0.1)
    ) as coins,
    count(*) filter (where abs(worth * price / (quantity * 100) - 1) < 0.1)
        as contracts_of_100,
    count(*) filter (where abs(worth * price / (quantity * 10) - 1) < 0.1)
        as contracts_of_10
from numbers
