"""Ticks are dropped after 90 days; what candles they made stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from candle_project import LEVELS, CandleProject, candle_project, tape
from conftest import Database
from guard_project import run_jobs
from rollup_project import is_native

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
DAY = timedelta(days=1)
DAYS_AGO = (100, 97, 80, 2)


@pytest.fixture
def project(tmp_path: Path, database: Database) -> Iterator[CandleProject]:
    """Four days of ticks, two of them older than 90 days, and their candles."""
    with candle_project(tmp_path, database.conninfo, has_columnstore=True) as made:
        for number, age in enumerate(DAYS_AGO):
            first, start = number * 10_000 + 1, NOON - age * DAY
            made.load_trades(tape(300, seed=age, start=start, first_id=first))
        made.run("--select", "rollups")
        yield made


def drop_old_ticks(project: CandleProject) -> None:
    """Let them go, as the edition does."""
    with project.edit_source("btc_ticks") as table:
        table["config"]["meta"]["timescale"]["retention"] = "90 days"
    project.run("--select", "rollups")
    if is_native(project):
        run_jobs(project, "proc_name in ('apply_retention', 'policy_retention')")
    [(oldest,)] = project.query("select min(ts) from market_data.btc_ticks")
    assert NOON - 91 * DAY < oldest < NOON - 79 * DAY


def test_candles_outlive_their_ticks(project: CandleProject) -> None:
    before = project.all_candles()
    assert before == project.expected()
    drop_old_ticks(project)
    project.run("--select", "rollups")
    assert project.all_candles() == before

    later = tape(200, seed=9, start=NOON - DAY, first_id=90_001)
    project.load_trades(later)
    project.run("--select", "rollups")
    after = project.all_candles()
    kept = project.expected()
    for name in LEVELS:
        old = {key: c for key, c in before[name].items() if key[0] < NOON - 90 * DAY}
        assert len(old) >= 2
        assert after[name] == old | kept[name]

    project.run("--select", "rollups", "--full-refresh")
    assert project.all_candles() == after
    assert {
        message
        for name, message in project.run("--select", "rollups").items()
        if name in LEVELS
    } == {"REFRESH 0"}


def test_a_tick_older_than_what_is_kept_spoils_no_candle(
    project: CandleProject,
) -> None:
    before = project.all_candles()
    drop_old_ticks(project)
    project.load_trades(tape(20, seed=8, start=NOON - 100 * DAY, first_id=5_001))
    project.run("--select", "rollups")
    assert project.all_candles() == before
    late = "select rows_skipped from ingestion.load_log order by load_id desc limit 1"
    assert project.query(late) == [(21,)]  # the ticks and the header
    assert project.query("select from ingestion.quarantine") == []


def test_a_refresh_beyond_what_is_kept_is_refused(project: CandleProject) -> None:
    drop_old_ticks(project)
    path = project.folder / "models/rollups/market/btc_ohlcv_100ms.sql"
    path.write_text(path.read_text().replace("'3 days'", "'90 days'"))
    message = project.error("--select", "btc_ohlcv_100ms")
    assert "goes back 90 days (start_offset)" in message
    assert "market_data.btc_ticks drops its rows after 90 days" in message
