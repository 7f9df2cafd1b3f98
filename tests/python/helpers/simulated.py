"""Simulated fills, made by the same command that users run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pgio.connection import PROJECT_DIR

# Built from fills only; without the class history, which contains times of builds.
BUILT_FROM_FILLS = (
    "analytics.trader_daily",
    "analytics.coin_daily",
    "analytics.coin_hourly",
    "analytics.builder_daily",
    "analytics.trader_coin_daily",
    "analytics.trader_position_hours",
    "analytics.trader_positions",
    "analytics.coin_marks_daily",
    "analytics.coin_open_interest_daily",
    "analytics.trader_pnl_daily",
    "intermediate.int_pnl__sums_so_far",
    "analytics.trader_risk_daily",
    "analytics.trader_win_rates",
    "analytics.trader_profiles",
    "analytics.trader_cohorts",
    "intermediate.int_signals__coin_days",
    "analytics.asset_signals",
    "analytics.smart_money_hourly",
    "analytics.signal_outcomes",
)

# In a short history luck is never excluded, so nobody would be smart money. A build
# loads the seed again, unless seeds are excluded.
LUCK_COUNTS = """
    update reference.trader_class_rules set threshold = 1 where metric = 'mtm_q_value'
"""

# For a build whose rows are compared: dbt's own tests take most of its time.
WITHOUT_TESTS = ("--exclude-resource-type", "test", "unit_test")


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
