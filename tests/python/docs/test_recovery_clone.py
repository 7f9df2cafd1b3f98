"""Procedures of the runbook that need no backup: the clone and its server."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Database
from loading_database import create_sources
from runbook import WITHOUT_TESTS, commands
from servers import environment
from simulated import distinct_fills, simulate
from waiting import HELD_LOADS, HOLD_LOADS, wait_until

from devdb.cluster import Cluster
from devdb.database import prepare_database
from devdb.settings import development_settings, memory_bytes
from devdb.throwaway import throwaway_cluster
from pgio.connection import DEFAULT_DATABASE, DEFAULT_USER, PROJECT_DIR

pytestmark = pytest.mark.slow

IN_CLONE = ("bash", "-euo", "pipefail", "-c")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """The embedded server with the settings of `make up`, and its database."""
    with throwaway_cluster(settings=development_settings(memory_bytes())) as cluster:
        prepare_database(cluster.conninfo(), DEFAULT_USER, DEFAULT_DATABASE)
        yield cluster


def in_clone(name: str, env: dict[str, str]) -> str:
    """Run a block in the clone; return what it prints."""
    python = Path(sys.executable).parent
    done = subprocess.run(
        [*IN_CLONE, commands(name)],
        cwd=PROJECT_DIR,
        env={**env, "PATH": f"{python}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_embedded_server_is_killed_during_a_load(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = cluster.conninfo(DEFAULT_DATABASE)
    for name, value in environment(info).items():
        monkeypatch.setenv(name, value)
    create_sources(DEFAULT_DATABASE, tmp_path / "dbt")
    assert counted() == (0, 0)
    simulate(tmp_path / "tape", "--fills", "120000", "--days", "12")
    folder = tmp_path / "tape" / "parquet"
    first = min(folder.glob("*.parquet"))
    in_clone("load-again", {**os.environ, "FILLS": str(first)})
    load = [sys.executable, "-m", "loaders.load_to_db", "fills", str(folder)]
    # Closed without a commit, which a server that was killed may refuse.
    with closing(psycopg.connect(**info)) as conn:  # type: ignore[arg-type]
        conn.execute(HOLD_LOADS)
        loader = subprocess.Popen(
            load, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        wait_until(lambda: conn.execute(HELD_LOADS).fetchone() != (0,), process=loader)
        lock = cluster.data_dir / "postmaster.pid"
        os.kill(int(lock.read_text().split()[0]), signal.SIGKILL)
    loader.communicate(timeout=60)
    assert loader.returncode == 1
    cluster.start(int(info["port"]), may_move=False)
    # Of the first object a crash may take the commit: the server waits for no disk.
    in_log, in_table = counted()
    assert in_log == in_table
    in_clone("load-again", {**os.environ, "FILLS": str(folder)})
    wanted = distinct_fills(folder)
    assert counted() == (wanted, wanted)


def counted() -> tuple[int, int]:
    """Return what the runbook counts: rows by the log, and rows."""
    line = in_clone("count-loads", dict(os.environ)).splitlines()[2]
    in_log, in_table = (int(number) for number in line.split("|"))
    return in_log, in_table


def test_a_rollup_is_lost(database: Database, edition: str, tmp_path: Path) -> None:
    """It is built again, and so is what was made of it."""
    env = {**database.env, **WITHOUT_TESTS}
    env |= {"DBT_TARGET_PATH": str(tmp_path / "dbt"), "DBT_LOG_PATH": str(tmp_path)}
    simulate(tmp_path / "tape", "--fills", "5000", "--days", "5")
    folder = tmp_path / "tape" / "parquet"
    create_sources(str(database.conninfo["dbname"]), tmp_path / "dbt")
    in_clone("load-again", {**env, "FILLS": str(folder)})
    in_clone("build", env)
    before = marts(database)
    kind = "materialized view" if edition == "community" else "table"
    with psycopg.connect(**database.conninfo, autocommit=True) as conn:
        conn.execute(f"drop {kind} analytics.trader_daily cascade")
    in_clone("rebuild-a-model", {**env, "LOST": "trader_daily"})
    assert marts(database) == before


def test_a_build_recomputed_everything(database: Database, tmp_path: Path) -> None:
    env = {**database.env, **WITHOUT_TESTS, "MODEL": "analytics.asset_signals"}
    env |= {"DBT_TARGET_PATH": str(tmp_path / "dbt"), "DBT_LOG_PATH": str(tmp_path)}
    create_sources(str(database.conninfo["dbname"]), tmp_path / "dbt")
    simulate(tmp_path / "tape", "--fills", "2000", "--days", "3")
    in_clone("load-again", {**env, "FILLS": str(tmp_path / "tape" / "parquet")})
    in_clone("rebuild-a-model", {**env, "LOST": "+asset_signals"})
    once = ["dbt", "run", "--select", "asset_signals", "--vars", "signal_z_min_days: 5"]
    python = Path(sys.executable).parent
    done = subprocess.run(
        [python / once[0], *once[1:]],
        cwd=PROJECT_DIR,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    reason = "the variable signal_z_min_days is 5 instead of 10"
    assert f"analytics.asset_signals: all of it is computed again: {reason}" in (
        done.stdout
    )
    for said in (in_clone("what-was-built", env), in_clone("why-built", env)):
        assert said.index("first build") < said.index(reason)
    differing = in_clone("what-differed", env).splitlines()
    assert [line for line in differing if "signal_z_min_days" in line]
    assert {line[0] for line in differing if line[0] in "<>"} == {"<", ">"}


def marts(database: Database) -> list[tuple[Any, ...]]:
    """Return all rows of a rollup and of marts that are made of it."""
    with psycopg.connect(**database.conninfo) as conn:
        return [
            *conn.execute("select * from analytics.trader_daily order by day, 2"),
            *conn.execute("select * from analytics.trader_profiles order by 1"),
        ]
