{#
    The present span in trader_class_history has the class of trader_profiles.
#}
with

history as (

    select * from {{ ref('trader_class_history') }}
    where dbt_valid_to is null

),

profiles as (

    select * from {{ ref('trader_profiles') }}

),

mismatches as (

    select
        coalesce(profiles.user_address, history.user_address) as user_address,
        profiles.trader_class,
        history.trader_class as trader_class_in_history
    from profiles
    full outer join history
        on profiles.user_address = history.user_address
    where
        (
            profiles.trader_class,
            profiles.size_tier,
            profiles.trading_style,
            profiles.is_smart_money
        ) is distinct from (
            history.trader_class,
            history.size_tier,
            history.trading_style,
            history.is_smart_money
        )

)

select * from mismatches
