"""What is said as of a moment does not depend on what happens after it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from servers import environment
from simulated import LUCK_COUNTS, simulate
from workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.any_server]

# The tape has sixteen days from 1 July 2025; those from the thirteenth on are changed.
CHANGED_FROM = "20250713"
SETTINGS = "{sharpe_min_days: 5, signal_z_min_days: 2}"

# A load settles the day before it, so that the last day of the same past is left out.
PAST = {
    "analytics.trader_risk_daily": ("user_address, day", "day < '2025-07-12'"),
    "analytics.trader_cohorts": (
        "as_of_date, user_address",
        "as_of_date < '2025-07-12'",
    ),
    "analytics.asset_signals": ("as_of_date, coin", "as_of_date < '2025-07-12'"),
    "analytics.smart_money_hourly": ("hour_at, coin", "hour_at < '2025-07-12 00:00Z'"),
    # Outcomes change with the hour of the exit only.
    "analytics.signal_outcomes": (
        "known_at, coin, horizon_hours",
        "known_at + horizon_hours * interval '1 hour' < '2025-07-13 00:00Z'",
    ),
}


def change(source: Path, target: Path) -> None:
    """Write a file of fills with other prices, sizes and profits."""
    table = pq.read_table(source)
    rows = table.to_pylist()
    for number, row in enumerate(rows):
        row["px"] = str(Decimal(row["px"]) * (2 if number % 2 else 3))
        row["closedPnl"] = str(-Decimal(row["closedPnl"]) * 7 + 1)
        row["side"] = "A" if row["side"] == "B" else "B"
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), target)


@pytest.fixture(scope="module")
def tapes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return two tapes that are the same up to a day, and differ in all fills after."""
    folder = tmp_path_factory.mktemp("tapes")
    simulate(
        folder / "tape",
        *("--fills", "30000", "--days", "16", "--seed", "11"),
        *("--format", "parquet", "--hourly"),
    )
    original, other = folder / "tape" / "parquet", folder / "other"
    for source in original.rglob("*.parquet"):
        target = other / source.relative_to(original)
        if source.parent.name >= CHANGED_FROM:
            change(source, target)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(source)
    return original, other


def test_another_future_changes_no_row_of_the_past(
    make_database: Callable[[], dict[str, Any]],
    tapes: tuple[Path, Path],
    tmp_path: Path,
) -> None:
    """Of q-values, cohorts, signals by day and hour, and outcomes that were known."""
    built = []
    for number, tape in enumerate(tapes):
        conninfo = make_database()
        space = Workspace(environment(conninfo), conninfo, tmp_path / str(number))
        space.dbt("run-operation", "create_sources")
        space.dbt("seed")
        space.execute(LUCK_COUNTS)
        space.load(tape)
        space.dbt("run", "--vars", SETTINGS, "--exclude", "tag:evaluation")
        built.append(space)
    for table, (order, past) in PAST.items():
        before, after = (
            space.query(f"select * from {table} where {past} order by {order}")
            for space in built
        )
        assert before == after, table
        assert before, table
        whole = [space.rows(table, order) for space in built]
        assert whole[0] != whole[1], table
    [(smart, chances)] = built[0].query(
        "select (select count(*) from analytics.smart_money_hourly),"
        " (select count(mtm_q_value) from analytics.trader_risk_daily"
        " where day < '2025-07-12')"
    )
    assert smart > 100
    assert chances > 100
