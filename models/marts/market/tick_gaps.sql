{{ config(materialized='view', unique_key=['exchange', 'seq_from']) }}

with

runs as (

    select * from {{ source('ingestion', 'sequence_runs') }}

),

followed as (

    select
        runs.stream as exchange,
        runs.seq_to as seq_before,
        runs.ts_to as ts_before,
        lead(runs.seq_from) over venue as seq_after,
        lead(runs.ts_from) over venue as ts_after
    from runs
    window
        venue as (
            partition by runs.stream
            order by runs.seq_from
        )

),

gaps as (

    select
        -- keys
        followed.exchange,
        followed.seq_before + 1 as seq_from,
        followed.seq_after - 1 as seq_to,

        -- times
        followed.ts_before as ts_from,
        followed.ts_after as ts_to,

        -- how much is missing
        followed.seq_after - followed.seq_before - 1 as missing_count,
        extract(epoch from followed.ts_after - followed.ts_before) as missing_seconds
    from followed
    where followed.seq_after > followed.seq_before + 1

)

select * from gaps
