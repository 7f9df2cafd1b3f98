"""Fixtures: a database as `make run` leaves one, small and with hostile names."""

from __future__ import annotations

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
from workspace import Workspace

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
    space = Workspace(environment(conninfo), conninfo, folder)
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
    space.run(
        *(sys.executable, "-m", "simulation", "ticks"),
        *(str(folder / "ticks"), "--venues", "binance_spot"),
        *("--ticks", "60000", "--days", "2", "--websocket-minutes", "1", "--seed", "5"),
        *("--patterns", "1", "--repeats", "5"),
    )
    space.dbt("run-operation", "create_sources")
    space.load(tape / "parquet")
    # Of the last days, and of the coins that kept their names.
    contexts = sorted((tape / "asset_ctxs").iterdir())[-20:]
    space.load(*contexts, command="contexts")
    space.load(folder / "ticks/ticks", command="ticks")
    space.dbt("seed")
    space.execute(LUCK_COUNTS)
    space.dbt("build", *WITHOUT_TESTS, "seed")
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
