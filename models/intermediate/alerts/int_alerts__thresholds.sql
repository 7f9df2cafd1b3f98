-- One column for each rule, which the models below compare with.
with

alert_rules as (

    select * from {{ ref('alert_rules') }}

),

thresholds as (

    select
        {%- for kind, measure in alert_measures() %}
        max(alert_rules.threshold) filter (
            where
            alert_rules.kind = '{{ kind }}'
            and alert_rules.measure = '{{ measure }}'
        ) as {{ kind }}_{{ measure }}{{ ',' if not loop.last }}
        {%- endfor %}
    from alert_rules

)

select * from thresholds
