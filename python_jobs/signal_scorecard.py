"""Do the smart-money signals predict anything? One row per signal and horizon.

Computed whole, whenever it is asked for (`make evaluate`).
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from python_jobs.lib.scorecards.signal_reading import Reader, Tables
from python_jobs.lib.scorecards.signal_scorecard import scorecard, shuffle

TEXTS = ("signal", "meaning", "formula", "note")
COUNTS = (
    *("horizon_hours", "observations", "periods"),
    *("shuffle_count", "shuffle_traders", "shuffle_periods"),
)


def model(dbt: Any, session: Any) -> pa.Table:
    """Score every signal at every horizon, and compare it with shuffled members."""
    tables = Tables(
        signal_outcomes=dbt.ref("signal_outcomes"),
        asset_signals=dbt.ref("asset_signals"),
        smart_money_hourly=dbt.ref("smart_money_hourly"),
        coin_hourly=dbt.ref("coin_hourly"),
        trader_cohorts=dbt.ref("trader_cohorts"),
        trader_profiles=dbt.ref("trader_profiles"),
        trader_classes=dbt.ref("trader_classes"),
        trader_position_hours=dbt.ref("trader_position_hours"),
        trader_coin_daily=dbt.ref("trader_coin_daily"),
    )
    for relation in vars(tables).values():
        if not session.has_table(str(relation)):
            raise ValueError(f"{relation} is not built yet: run `dbt build` first")

    reader = Reader(
        session.connection,
        session.read,
        tables,
        int(dbt.config.meta_get("days")),
        int(dbt.config.meta_get("cohort_step_days")),
    )
    horizons = dbt.config.meta_get("horizons")
    observed = reader.observed([int(each) for each in horizons])
    shuffled = None
    if all(grid.moments for grid in observed.grids):
        strata = reader.traders(int(dbt.config.meta_get("shuffle_traders")))
        market = reader.market(
            observed.grids,
            int(dbt.config.meta_get("z_window_days")),
            int(dbt.config.meta_get("z_min_days")),
        )
        shuffled = shuffle(
            observed,
            market,
            strata,
            int(dbt.config.meta_get("shuffles")),
            int(dbt.config.meta_get("shuffle_moments")),
        )
    rows = scorecard(observed, shuffled, float(dbt.config.meta_get("cost_bps")))
    kinds = dict.fromkeys(TEXTS, pa.string()) | dict.fromkeys(COUNTS, pa.int64())
    return pa.table(
        {
            name: pa.array([row[name] for row in rows], kinds.get(name, pa.float64()))
            for name in rows[0]
        }
    )
