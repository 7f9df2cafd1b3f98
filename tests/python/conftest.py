"""Fixtures: one server a session, as many databases as tests want.

The server is a throw-away one, unless PGHOST or PGSERVICE names another. Every test,
and every command a test starts, finds it through the PG* variables, which lead to a
database of this session's own: no test writes to a database that was there before.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest

from devdb.conninfo import conninfo as project_conninfo
from devdb.conninfo import is_external
from devdb.throwaway import throwaway_cluster

VARIABLES = {
    "PGHOST": "host",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGDATABASE": "dbname",
}


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
def server() -> Iterator[dict[str, Any]]:
    """Run a server; the value is arguments for `psycopg.connect` to a scratch database.

    Depend on it to connect in a fixture of your own that is wider than a test.
    """
    with ExitStack() as stack:
        if is_external():
            info = _resolved(project_conninfo())
        else:
            info = dict(stack.enter_context(throwaway_cluster()).conninfo())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("PGSERVICE", raising=False)
        scratch = {**info, "dbname": f"vigil_test_{os.getpid()}"}
        _set_variables(patch.setenv, scratch)
        _create_database(info, scratch["dbname"])
        stack.callback(_drop_database, info, scratch["dbname"])
        yield scratch


@pytest.fixture(scope="session")
def make_database(server: dict[str, Any]) -> Iterator[Callable[[], dict[str, Any]]]:
    """Make empty databases; each call returns arguments for `psycopg.connect`."""
    numbers = count(1)
    made = []

    def make() -> dict[str, Any]:
        name = f"{server['dbname']}_{next(numbers)}"
        _create_database(server, name)
        made.append(name)
        return {**server, "dbname": name}

    yield make
    for name in made:
        _drop_database(server, name)


@pytest.fixture
def database(make_database: Callable[[], dict[str, Any]]) -> Database:
    """An empty database with pgvector, and the environment that leads to it."""
    conninfo = make_database()
    env = dict(os.environ)
    _set_variables(env.__setitem__, conninfo)
    return Database(conninfo, env)


def _resolved(conninfo: dict[str, Any]) -> dict[str, Any]:
    """Return what libpq makes of the environment, so that it can be varied."""
    with psycopg.connect(**conninfo) as conn:
        info = conn.info
        resolved = {"host": info.host, "port": info.port, "user": info.user}
        password = {"password": info.password} if info.password else {}
        return {**resolved, **password, "dbname": info.dbname}


def _set_variables(
    setter: Callable[[str, str], None], conninfo: dict[str, Any]
) -> None:
    for name, key in VARIABLES.items():
        setter(name, str(conninfo[key]))


def _create_database(server: dict[str, Any], name: str) -> None:
    with psycopg.connect(**server, autocommit=True) as conn:
        conn.execute(f"create database {name}")
    with psycopg.connect(**{**server, "dbname": name}) as conn:
        conn.execute("create extension if not exists vector")


def _drop_database(server: dict[str, Any], name: str) -> None:
    with psycopg.connect(**server, autocommit=True) as conn:
        conn.execute(f"drop database if exists {name} with (force)")
