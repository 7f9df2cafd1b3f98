"""Fixtures: a database as `make run` leaves one, small and with hostile names."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hostile_names import COINS, TRADER
from servers import environment
from simulated import LUCK_COUNTS, WITHOUT_TESTS, simulate

from pgio.connection import PROJECT_DIR
from report.compose import compose
from report.page import Page


@pytest.fixture(scope="session")
def report_database(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Any]:
    """Arguments for `psycopg.connect` to a database with both products built."""
    conninfo = make_database()
    folder = tmp_path_factory.mktemp("report")
    env = {**os.environ, **environment(conninfo)}

    def run(*command: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=PROJECT_DIR,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"

    places = ("--target-path", str(folder), "--log-path", str(folder))
    dbt = ("dbt.cli.main", "--no-use-colors")
    tape = simulate(
        folder / "fills",
        "--fills",
        "40000",
        "--days",
        "60",
        "--seed",
        "3",
        *("--traders", "60"),
    )
    files = sorted((tape / "parquet").glob("*.parquet"))
    users = Counter(pq.read_table(files[0])["user"].to_pylist())
    [(busiest, _)] = users.most_common(1)
    for path in files:
        _rename(path, busiest)
    run(
        *("simulation", "ticks", str(folder / "ticks"), "--venues", "binance_spot"),
        *("--ticks", "60000", "--days", "2", "--websocket-minutes", "1", "--seed", "5"),
        *("--patterns", "1", "--repeats", "5"),
    )
    run(*dbt, "run-operation", "create_sources", *places)
    run("loaders.load_to_db", "fills", str(tape / "parquet"))
    # Of the last days, and of the coins that kept their names.
    contexts = sorted((tape / "asset_ctxs").iterdir())[-20:]
    run("loaders.load_to_db", "contexts", *map(str, contexts))
    run("loaders.load_to_db", "ticks", str(folder / "ticks/ticks"))
    run(*dbt, "seed", *places)
    with psycopg.connect(**conninfo) as connection:
        connection.execute(LUCK_COUNTS)
    run(*dbt, "build", *WITHOUT_TESTS, "seed", *places)
    return conninfo


def _rename(path: Path, trader: str) -> None:
    """Give coins and one account of a file of fills their hostile names."""
    table = pq.read_table(path)
    coins = table["coin"].cast(pa.string())
    for old, new in COINS.items():
        coins = pc.if_else(pc.equal(coins, old), new, coins)
    users = table["user"].cast(pa.string())
    users = pc.if_else(pc.equal(users, trader), TRADER, users)
    for name, column in (("coin", coins), ("user", users)):
        table = table.set_column(table.schema.get_field_index(name), name, column)
    pq.write_table(table, path)


@pytest.fixture
def conn(report_database: dict[str, Any]) -> Iterator[psycopg.Connection[Any]]:
    """A connection whose transaction is rolled back."""
    with psycopg.connect(**report_database) as connection:
        connection.execute("set local timezone to 'UTC'")
        yield connection
        connection.rollback()


@pytest.fixture(scope="session")
def page(report_database: dict[str, Any]) -> Page:
    """The page of that database, with the hostile trader's tear sheet."""
    with psycopg.connect(**report_database) as connection:
        return compose(connection, TRADER, datetime.now(UTC))
