"""Simulated fills, made by the same command that users run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pgio.connection import PROJECT_DIR

# Built from fills only, with the key by which rows are ordered; without the class
# history, which contains times of builds.
BUILT_FROM_FILLS = {
    "analytics.trader_daily": "day, user_address",
    "analytics.coin_daily": "day, coin",
    "analytics.coin_hourly": "hour, coin",
    "analytics.builder_daily": "day, builder",
    "analytics.trader_coin_daily": "day, user_address, coin",
    "analytics.trader_position_hours": "position_id, hour_at",
    "analytics.trader_positions": "position_id",
    "analytics.coin_marks_daily": "coin, day",
    "analytics.coin_open_interest_daily": "coin, day",
    "analytics.trader_pnl_daily": "user_address, day",
    "intermediate.int_pnl__sums_so_far": "user_address, day",
    "analytics.trader_risk_daily": "user_address, day",
    "analytics.trader_win_rates": "user_address",
    "analytics.trader_profiles": "user_address",
    "analytics.trader_cohorts": "as_of_date, user_address",
    "intermediate.int_signals__coin_days": "as_of_date, coin",
    "analytics.asset_signals": "as_of_date, coin",
    "analytics.smart_money_hourly": "hour_at, coin",
    "analytics.signal_outcomes": "known_at, coin, horizon_hours",
}
BUILT_FROM_FILLS_AND_RATES = BUILT_FROM_FILLS | {
    "analytics.coin_funding_hourly": "coin, hour_at",
}

# In a short history luck is never excluded, so nobody would be smart money. A build
# loads the seed again, unless seeds are excluded.
LUCK_COUNTS = """
    update reference.trader_class_rules set threshold = 1 where metric = 'mtm_q_value'
"""

# For a build whose rows are compared: dbt's own tests take most of its time.
WITHOUT_TESTS = ("--exclude-resource-type", "test", "unit_test")
# For a build whose rows dbt's tests are to look at. They make no difference to unit
# tests, which run in `test_editions`.
WITHOUT_UNIT_TESTS = ("--exclude-resource-type", "unit_test")


def simulate(folder: Path, *options: str) -> Path:
    """Write a tape of fills into a folder, and return the folder."""
    subprocess.run(
        [sys.executable, "-m", "simulation", "fills", str(folder), *options],
        cwd=PROJECT_DIR,
        check=True,
        capture_output=True,
    )
    return folder


def distinct_fills(folder: Path) -> int:
    """Return how many different fills the Parquet files of a folder hold."""
    key = ["time", "user", "coin", "side", "tid", "oid"]
    tables = [pq.read_table(path, columns=key) for path in folder.glob("*.parquet")]
    return pa.concat_tables(tables).group_by(key).aggregate([]).num_rows
