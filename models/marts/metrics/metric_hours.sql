{{
    config(
        materialized='view',
        access='protected',
        group='signals',
    )
}}

select hours.hour_start
from
    generate_series(
        '2017-01-01'::timestamp,
        now() at time zone 'utc',
        interval '1 hour'
    ) as hours (hour_start)
