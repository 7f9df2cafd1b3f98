{%- set stale_from = first_stale_day(unit='timestamptz') -%}

-- `not materialized`: otherwise PostgreSQL copies a CTE that is referenced twice.
with

member_spans as (

    select * from {{ ref('int_signals__member_spans') }}

),

position_hours as not materialized (

    select * from {{ ref('trader_position_hours') }}

),

members as (

    select distinct member_spans.user_address
    from member_spans
    where member_spans.is_smart_money

),

-- The stale hours, and the last row before them of each position that was open then.
hours as (

    select
        position_hours.position_id,
        position_hours.user_address,
        position_hours.coin,
        position_hours.side,
        position_hours.hour_at,
        coalesce(position_hours.next_hour_at, 'infinity') as next_hour_at,
        position_hours.size,
        case position_hours.side when 'long' then 1 else -1 end
        * (position_hours.entry_notional_usd - position_hours.exit_notional_usd)
            as bought_usd,
        position_hours.is_basis_known
        and position_hours.opened_at >= position_hours.hour_at as is_new
    from position_hours
    inner join members
        on position_hours.user_address = members.user_address
    where
        position_hours.is_open
        or position_hours.hour_at >= {{ stale_from }}
        or position_hours.next_hour_at >= {{ stale_from }}

),

-- bought_usd is cumulative over the position, so lag() gives the change in the hour.
steps as (

    select
        hours.position_id,
        hours.user_address,
        hours.coin,
        hours.side,
        hours.hour_at,
        hours.next_hour_at,
        hours.size,
        hours.is_new,
        hours.bought_usd
        - lag(hours.bought_usd, 1, 0::numeric) over hours_so_far as net_flow_usd
    from hours
    window
        hours_so_far as (
            partition by hours.position_id
            order by hours.hour_at
        )

)

select * from steps
