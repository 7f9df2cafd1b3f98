"""Fixtures: one throw-away server a session, as many databases as tests want."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from devdb.throwaway import throwaway_cluster


@dataclass(frozen=True)
class Database:
    """A database of its own for a test.

    Attributes
    ----------
    conninfo
        Keyword arguments for `psycopg.connect`.
    env
        The environment, with PG* variables to match, for commands started by the test.
    """

    conninfo: dict[str, Any]
    env: dict[str, str]


@pytest.fixture(scope="session", autouse=True)
def no_other_server() -> None:
    """Keep the caller's PG* variables away from tests: they write and drop."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


@pytest.fixture(scope="session")
def server() -> Iterator[dict[str, Any]]:
    """A running server: arguments for `psycopg.connect` to its maintenance database."""
    with throwaway_cluster() as cluster:
        yield dict(cluster.conninfo())


@pytest.fixture(scope="session")
def make_database(server: dict[str, Any]) -> Callable[[], dict[str, Any]]:
    """Make empty databases; each call returns arguments for `psycopg.connect`."""
    numbers = count(1)

    def make() -> dict[str, Any]:
        name = f"test_{next(numbers)}"
        with psycopg.connect(**server, autocommit=True) as conn:
            conn.execute(f"create database {name}")
        conninfo = {**server, "dbname": name}
        with psycopg.connect(**conninfo) as conn:
            conn.execute("create extension vector")
        return conninfo

    return make


@pytest.fixture
def database(make_database: Callable[[], dict[str, Any]]) -> Database:
    """An empty database with pgvector, and the environment that leads to it."""
    conninfo = make_database()
    variables = {
        "PGHOST": "host",
        "PGPORT": "port",
        "PGUSER": "user",
        "PGDATABASE": "dbname",
    }
    env = {
        **os.environ,
        **{name: str(conninfo[key]) for name, key in variables.items()},
    }
    return Database(conninfo, env)
