"""From recordings to similar windows, through the commands that users type."""

from __future__ import annotations

import csv
import subprocess
import sys
from datetime import datetime, timedelta
from math import log
from pathlib import Path

import pandas as pd
import psycopg
import pytest
from conftest import Database
from loading_database import create_sources
from whole_project import run_dbt

from pgio.connection import PROJECT_DIR

REPEATS = 5

pytestmark = pytest.mark.slow


def run(database: Database, *command: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=PROJECT_DIR,
        env=database.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_simulated_pattern_is_recognised(
    database: Database, tmp_path: Path
) -> None:
    run(
        database,
        *("simulation", "ticks", str(tmp_path / "tape"), "--venues", "binance_spot"),
        *("--ticks", "60000", "--days", "2", "--websocket-minutes", "1", "--seed", "5"),
        *("--patterns", "1", "--repeats", str(REPEATS)),
    )
    create_sources(str(database.conninfo["dbname"]), tmp_path)
    run(database, "loaders.load_to_db", "ticks", str(tmp_path / "tape/ticks"))
    build = ("run", "--select", "+btc_similar_windows_summary")
    built = run_dbt(database.env, *build, target=tmp_path)
    assert built.success, built.said

    with (tmp_path / "tape/truth/patterns.csv").open() as file:
        planted = [datetime.fromisoformat(r["start_at"]) for r in csv.DictReader(file)]
    *before, newest = sorted(planted)
    assert len(before) == REPEATS
    with psycopg.connect(**database.conninfo) as conn:
        found = conn.execute(
            "select neighbour_bucket, similarity,"
            " (what_followed -> '15 minutes' ->> 'log_return')::float8"
            " from signals.btc_similar_windows"
            " where bucket = %s order by neighbour_rank",
            [newest],
        ).fetchall()
    assert {bucket for bucket, *_ in found[:REPEATS]} == set(before)
    assert found[REPEATS - 1][1] > 0.9 > found[REPEATS][1]
    # What followed is what the simulator says that it wrote.
    ticks = pd.read_parquet(tmp_path / "tape/truth/ticks.parquet").set_index("ts")
    price = ticks.sort_index()["price"].astype(float)
    for bucket, _, log_return in found:
        ends = [bucket + timedelta(minutes=minutes) for minutes in (5, 20)]
        first, last = (price[price.index < end].iloc[-1] for end in ends)
        assert log_return == pytest.approx(log(last / first))
    again = run_dbt(database.env, *build, target=tmp_path).said
    assert "CHANGED 0 (nothing new)" in again
    assert again.count("SYNC 0") == 2
