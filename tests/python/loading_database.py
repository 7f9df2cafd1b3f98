"""Fixtures: a database with the raw tables, for the loader to write."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loading import LOADER_TABLES

from devdb.conninfo import PROJECT_DIR, connect


@pytest.fixture(scope="session")
def loading_database(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> str:
    """Name of a database with the raw tables, made the way a user makes them."""
    name = str(make_database()["dbname"])
    create_sources(name, tmp_path_factory.mktemp("dbt"))
    return name


def create_sources(database: str, scratch: Path) -> None:
    """Run ``dbt run-operation create_sources`` in a database."""
    done = subprocess.run(
        [
            *(sys.executable, "-m", "dbt.cli.main", "run-operation", "create_sources"),
            *("--target-path", str(scratch), "--log-path", str(scratch)),
        ],
        cwd=PROJECT_DIR,
        env=os.environ | {"PGDATABASE": database},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def loading_db(
    loading_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[psycopg.Connection[Any]]:
    """Connection to empty raw tables; the loader, in this process or not, uses them."""
    monkeypatch.setenv("PGDATABASE", loading_database)
    with connect(autocommit=True) as conn:
        conn.execute(f"truncate {', '.join(LOADER_TABLES)}")
        yield conn
