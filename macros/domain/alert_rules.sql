{#
    The rules that seeds/alert_rules.csv must have, one row each: [(kind, measure)].
#}
{% macro alert_measures() -%}
    {{ return([
        ('confluence', 'net_z_score'),
        ('confluence', 'long_short_ratio'),
        ('confluence', 'trader_count'),
        ('whale', 'added_usd'),
        ('fresh_wallets', 'volume_usd'),
        ('fresh_wallets', 'multiple_of_mean'),
        ('liquidation_cascade', 'liquidated_usd'),
        ('liquidation_cascade', 'multiple_of_mean'),
    ]) }}
{%- endmacro %}


{#
    The threshold of one rule, an aggregate over rows of `alert_rules`.
#}
{% macro alert_threshold(kind, measure) -%}
    {%- if (kind, measure) not in alert_measures() -%}
        {%- do exceptions.raise_compiler_error(
            "alert_threshold('" ~ kind ~ "', '" ~ measure ~ "'): no such rule."
        ) -%}
    {%- endif -%}
    max(alert_rules.threshold) filter (
        where alert_rules.kind = '{{ kind }}' and alert_rules.measure = '{{ measure }}'
    )
{%- endmacro %}


{#
    Stops the build if the seed has other rules than alert_measures, or an invalid threshold:
    with a missing rule an alert would never be raised.
#}
{% macro assert_alert_rules() -%}
    {%- set rules = ref('alert_rules') -%}
    {%- if execute and not flags.EMPTY -%}
        {%- set wanted = alert_measures() | map('join', ', ') | list -%}
        {%- set found = [] -%}
        {%- set wrong = [] -%}
        {%- for kind, measure, threshold in run_query(
            "select coalesce(kind, ''), coalesce(measure, ''), threshold from " ~ rules
        ).rows -%}
            {%- set rule = kind ~ ', ' ~ measure -%}
            {%- if rule not in wanted -%}
                {%- do wrong.append(rule ~ ': no such rule') -%}
            {%- elif rule in found -%}
                {%- do wrong.append(rule ~ ': there twice') -%}
            {%- elif threshold is none or not threshold > 0 -%}
                {%- do wrong.append(rule ~ ': the threshold must be a number above 0') -%}
            {%- endif -%}
            {%- do found.append(rule) -%}
        {%- endfor -%}
        {%- for rule in wanted | reject('in', found) -%}
            {%- do wrong.append(rule ~ ': missing') -%}
        {%- endfor -%}
        {%- if wrong | length > 0 -%}
            {%- do exceptions.raise_compiler_error(
                'seeds/alert_rules.csv: ' ~ wrong | join('; ') ~ '. Its rules (kind,'
                ~ ' measure) are: ' ~ wanted | join('; ')
                ~ '. Correct it and run dbt build; nothing was changed.'
            ) -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
