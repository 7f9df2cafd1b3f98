{#
    Exactly the declared policies run, with the declared settings: each row is a
    difference. A job that an operator has paused is no difference;
    `live_jobs.is_paused` shows it. The differences are stored as a view, whose name dbt
    prints when the test fails.

    It depends on every model that has jobs: while a model is rebuilt, its jobs are
    incomplete.
#}
-- depends_on: {{ ref('builder_daily') }}
-- depends_on: {{ ref('coin_daily') }}
-- depends_on: {{ ref('coin_hourly') }}
-- depends_on: {{ ref('trader_coin_daily') }}
-- depends_on: {{ ref('trader_daily') }}
-- depends_on: {{ ref('btc_ohlcv_100ms') }}
-- depends_on: {{ ref('btc_ohlcv_1s') }}
-- depends_on: {{ ref('btc_ohlcv_1m') }}
-- depends_on: {{ ref('btc_ohlcv_5m') }}
{{ config(store_failures_as='view', schema='ops', alias='job_differences') }}
with

declared as (

    select * from {{ source('ops', 'retention_jobs') }}
    where enabled

),

live as (

    select * from {{ ref('live_jobs') }}
    where kind != 'action'

),

differences as (

    select
        coalesce(declared.job_name, live.job_name) as job_name,
        case
            when live.job_id is null then 'declared, but not running'
            when declared.job_name is null then 'running, but not declared'
            else 'other settings than declared'
        end as difference,
        declared.policy as declared_policy,
        live.policy as live_policy,
        live.job_id
    from declared
    full outer join live
        on declared.job_name = live.job_name
    where declared.policy is distinct from live.policy

)

select * from differences
