{{
    config(
        materialized='incremental',
        incremental_strategy='sync',
        unique_key=['user_address', 'day'],
        indexes=[{'columns': ['day']}],
        meta={
            'loads': {
                'relation': [
                    'hyperliquid.fills',
                    'hyperliquid.asset_ctxs',
                    'hyperliquid.funding_rates',
                ],
                'stale_from': 'day',
                'days_before': 1,
            },
        },
    )
}}

with

sums_so_far as (

    select * from {{ ref('int_pnl__sums_so_far') }}

),

-- The number of days n, and the sums of the first four powers of their net PnL.
new_days as (

    select
        sums_so_far.*,
        -- numeric: n³ of 1291 days does not fit into an integer.
        sums_so_far.day_count::numeric as n,
        sums_so_far.mtm_net_pnl as s1,
        sums_so_far.squares_so_far as s2,
        sums_so_far.cubes_so_far as s3,
        sums_so_far.fourth_powers_so_far as s4
    from sums_so_far
    where sums_so_far.day >= {{ first_stale_day() }}

),

-- n², n³ and n⁴ times the central moments, computed exactly: in floating point, a
-- variance far below the mean would be lost. `materialized`: otherwise PostgreSQL
-- computes it again wherever it is read.
moments as materialized (

    select
        *,
        n * s2 - s1 * s1 as m2,
        n * n * s3 - 3 * n * s1 * s2 + 2 * s1 * s1 * s1 as m3,
        n * n * n * s4 - 4 * n * n * s1 * s3 + 6 * n * s1 * s1 * s2
        - 3 * s1 * s1 * s1 * s1 as m4
    from new_days

),

-- Sample standard deviation; population skewness and kurtosis.
shapes as (

    select
        moments.*,
        moments.day_count >= {{ var('sharpe_min_days') | int }} as has_days,
        (moments.s1 / moments.n)::double precision as mean_usd,
        sqrt(
            moments.m2::double precision
            / nullif(moments.day_count * (moments.day_count - 1), 0)
        ) as deviation_usd,
        sqrt(moments.squared_losses_so_far::double precision / moments.day_count)
            as downside_usd,
        moments.m3::double precision
        / nullif(power(moments.m2::double precision, 1.5), 0) as skewness,
        moments.m4::double precision
        / nullif(power(moments.m2::double precision, 2), 0) as kurtosis
    from moments

),

ratios as (

    select
        shapes.*,
        case
            when shapes.has_days then shapes.mean_usd / nullif(shapes.deviation_usd, 0)
        end as daily_sharpe,
        case
            when shapes.has_days then shapes.mean_usd / nullif(shapes.downside_usd, 0)
        end as daily_sortino
    from shapes

),

-- Standard error of the Sharpe ratio: Bailey and López de Prado (2012).
errors as materialized (

    select
        ratios.*,
        sqrt(
            nullif(
                greatest(
                    1
                    - ratios.skewness * ratios.daily_sharpe
                    + (ratios.kurtosis - 1) / 4
                    * ratios.daily_sharpe * ratios.daily_sharpe,
                    0
                ),
                0
            )
            / (ratios.day_count - 1)
        ) as daily_error
    from ratios

),

-- Student's distribution, because short curves have extreme ratios more often than the
-- normal distribution says. Degrees of freedom: days on which the curve changed, minus
-- one.
scores as (

    select
        errors.*,
        errors.daily_sharpe / errors.daily_error as score,
        nullif(errors.changed_days_so_far - 1, 0)::double precision as freedom
    from errors

),

-- Wallace (1959) approximates Student's distribution by the normal one. The cast to
-- numeric keeps 15 digits, because erfc may differ in the last digit between servers.
chances as (

    select
        scores.*,
        (erfc(-scores.score / sqrt(2)) / 2)::numeric::double precision
            as probabilistic_sharpe,
        (
            erfc(
                sign(scores.score)
                * (8 * scores.freedom + 1) / (8 * scores.freedom + 3)
                * sqrt(
                    scores.freedom
                    * ln(1 + scores.score * scores.score / scores.freedom) / 2
                )
            ) / 2
        )::numeric::double precision as p_value
    from scores

),

-- q-values by Benjamini and Hochberg (1995), among all traders with a row on the day.
ranked as (

    select
        chances.*,
        chances.p_value
        * count(chances.p_value) over (partition by chances.day)
        / nullif(
            count(chances.p_value) over (
                partition by chances.day
                order by chances.p_value
            ),
            0
        ) as q_value
    from chances

),

risk as (

    select
        ranked.user_address,
        ranked.day,
        1 - ranked.unknown_days_so_far::double precision / ranked.day_count
            as mtm_known_share,
        ranked.mtm_net_pnl,
        (
            1 + ranked.mtm_net_pnl / nullif(ranked.losses_so_far_usd, 0)
        )::double precision as mtm_profit_factor,
        ranked.daily_sharpe * sqrt(365) as mtm_sharpe_ratio,
        ranked.daily_error * sqrt(365) as mtm_sharpe_error,
        ranked.probabilistic_sharpe as mtm_probabilistic_sharpe,
        case
            when ranked.p_value is not null
                then min(ranked.q_value) over (
                    partition by ranked.day
                    order by ranked.p_value desc
                )
        end as mtm_q_value,
        ranked.daily_sortino * sqrt(365) as mtm_sortino_ratio,
        ranked.max_drawdown_usd::double precision as mtm_max_drawdown,
        ranked.day_count::bigint as mtm_days,
        ranked.gross_value_days::double precision / ranked.day_count
            as mtm_mean_exposure
    from ranked

)

select * from risk
