-- Only perpetuals that were held at a full hour have a row.
with

held_spans as (

    select * from {{ ref('int_positions__held_spans') }}

),

funding_index as (

    select * from {{ ref('int_positions__funding_index') }}

),

funding as (

    {{ funding_of_spans('held_spans', 'funding_index', by=['position_id']) }}

)

select * from funding
