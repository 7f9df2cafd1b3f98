"""From files to signals, through the commands that users type.

One tape is simulated by the hour. One database gets all of it at once; the other gets
it in three helpings, the second of which holds an hour of the first that arrives late.
Every model must hold the same rows in both. That other editions hold them too is for
`test_editions`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from servers import environment, storage
from simulated import WITHOUT_TESTS, simulate

pytestmark = [pytest.mark.slow, pytest.mark.any_server]

PROJECT = Path(__file__).resolve().parents[2]
DBT = Path(sys.executable).with_name("dbt")

MODELS = {
    "analytics.trader_daily": "day, user_address",
    "analytics.coin_daily": "day, coin",
    "analytics.trader_coin_daily": "day, user_address, coin",
    "analytics.trader_position_hours": "position_id, hour_at",
    "analytics.trader_positions": "position_id",
    "analytics.trader_win_rates": "user_address",
    "analytics.trader_profiles": "user_address",
    "analytics.trader_cohorts": "as_of_date, user_address",
    "intermediate.int_signals__coin_days": "as_of_date, coin",
    "analytics.asset_signals": "as_of_date, coin",
}


@dataclass(frozen=True)
class Workspace:
    """A database, and the commands aimed at it."""

    env: dict[str, str]
    conninfo: dict[str, Any]
    target: Path

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, **self.env},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done

    def dbt(self, *args: str) -> dict[str, Any]:
        """Run dbt and return its results by node name."""
        self.run(
            str(DBT),
            "--no-use-colors",
            *args,
            "--target-path",
            str(self.target),
            "--log-path",
            str(self.target / "logs"),
        )
        results = json.loads((self.target / "run_results.json").read_text())
        return {r["unique_id"].split(".")[2]: r for r in results["results"]}

    def load(self, *paths: Path) -> None:
        loader = (sys.executable, "-m", "loaders.load_to_db", "fills")
        self.run(*loader, *map(str, paths))

    def rows(self, relation: str, order: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo) as conn:
            return conn.execute(f"select * from {relation} order by {order}").fetchall()

    def query(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(**self.conninfo) as conn:
            return conn.execute(query).fetchall()


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of fills, a Parquet file an hour."""
    return simulate(
        tmp_path_factory.mktemp("tape"),
        *("--fills", "40000", "--days", "20", "--seed", "11"),
        *("--format", "both", "--hourly"),
    )


@pytest.fixture(scope="module")
def workspace(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[], Workspace]:
    """Make workspaces, each in a database of its own."""

    def make() -> Workspace:
        conninfo = make_database()
        folder = tmp_path_factory.mktemp("target")
        return Workspace(environment(conninfo), conninfo, folder)

    return make


@pytest.fixture(scope="module")
def at_once(workspace: Callable[[], Workspace], tape: Path) -> Workspace:
    """Everything loaded, then built."""
    space = workspace()
    space.dbt("run-operation", "create_sources")
    space.load(tape / "parquet")
    space.dbt("build")
    return space


def test_replaced_fills_reach_every_model(
    workspace: Callable[[], Workspace], tape: Path, tmp_path: Path
) -> None:
    """A build after `--replace` holds what a build of everything holds."""
    space = workspace()
    space.dbt("run-operation", "create_sources")
    # Ten days: some traders are smart money by then, and signals are theirs.
    hours = sorted((tape / "parquet").rglob("*.parquet"))[:240]
    space.load(*hours)
    space.dbt("seed")
    space.dbt("run")
    before = {name: space.rows(name, order) for name, order in MODELS.items()}
    for number, hour in enumerate((hours[10], hours[70], hours[230])):
        table = pq.read_table(hour)
        rows = table.to_pylist()
        for row in rows[::3]:
            row["px"] = str(Decimal(row["px"]) * 2)
            row["closedPnl"] = str(Decimal(row["closedPnl"]) + 11)
        for row in rows[1::3]:
            row["fee"] = str(Decimal(row["fee"]) + 1)
        corrected = pa.Table.from_pylist(rows, table.schema)
        pq.write_table(corrected, tmp_path / f"{number}.parquet")
    loader = (sys.executable, "-m", "loaders.load_to_db", "fills", "--replace")
    space.run(*loader, str(tmp_path))
    [(replaced,)] = space.query("select sum(rows_replaced) from ingestion.load_log")
    assert replaced > 100
    space.dbt("run")
    after = {name: space.rows(name, order) for name, order in MODELS.items()}
    space.dbt("run", "--full-refresh")
    for name, order in MODELS.items():
        assert after[name] == space.rows(name, order), name
        if name != "analytics.trader_cohorts":
            assert after[name] != before[name], name


@pytest.fixture(scope="module")
def in_helpings(
    workspace: Callable[[], Workspace],
    tape: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Workspace:
    """The first days without one hour; the next days; the rest with the late hour."""
    days = sorted((tape / "parquet").iterdir())
    late = sorted(days[2].iterdir())[10]
    staged = tmp_path_factory.mktemp("staged")
    helpings = (days[:5], days[5:12], days[12:])
    space = workspace()
    space.dbt("run-operation", "create_sources")
    for number, helping in enumerate(helpings):
        folder = staged / str(number)
        for day in helping:
            shutil.copytree(day, folder / day.name)
        if number == 0:
            (folder / days[2].name / late.name).unlink()
        if number == 1:
            shutil.copy(late, folder / f"late-{late.name}")
        space.load(folder)
        # dbt's tests have to hold when days came late.
        space.dbt("build", *(WITHOUT_TESTS if number < 2 else ()))
    return space


@pytest.mark.parametrize("relation", MODELS)
def test_helpings_equal_everything_at_once(
    at_once: Workspace, in_helpings: Workspace, relation: str
) -> None:
    expected = at_once.rows(relation, MODELS[relation])
    assert expected, f"{relation} is empty: the tape is too small for this test"
    assert in_helpings.rows(relation, MODELS[relation]) == expected


def test_building_again_changes_nothing(at_once: Workspace) -> None:
    before = {r: at_once.rows(f"{r} as t", MODELS[r]) for r in MODELS}
    versions = {r: _row_versions(at_once, r) for r in MODELS}
    results = at_once.dbt("build", *WITHOUT_TESTS)
    for relation in MODELS:
        model = relation.split(".")[1]
        assert results[model]["adapter_response"].get("rows_affected") == 0, model
        # Not rewritten with equal values either: the row versions stand still.
        assert _row_versions(at_once, relation) == versions[relation]
        assert at_once.rows(f"{relation} as t", MODELS[relation]) == before[relation]


def _row_versions(space: Workspace, relation: str) -> list[tuple[Any, ...]]:
    return space.query(
        "select tableoid::text, ctid::text, xmin::text"
        f" from {storage(space.query, relation)} order by 1, 2"
    )


def test_both_formats_give_the_same_positions(
    at_once: Workspace, workspace: Callable[[], Workspace], tape: Path
) -> None:
    """Parquet has no order inside a millisecond; the archive has. Both must agree."""
    space = workspace()
    space.dbt("run-operation", "create_sources")
    space.load(tape / "archive")
    space.dbt("run", "--select", "stg_hyperliquid__fills", "trader_position_hours")
    relation = "analytics.trader_position_hours"
    assert space.rows(relation, MODELS[relation]) == at_once.rows(
        relation, MODELS[relation]
    )


def test_full_refresh_gives_the_same_rows(
    at_once: Workspace, in_helpings: Workspace
) -> None:
    in_helpings.dbt("build", "--full-refresh", *WITHOUT_TESTS)
    for relation, order in MODELS.items():
        assert in_helpings.rows(relation, order) == at_once.rows(relation, order)
