"""Fixtures: every server found, and as many databases on each as tests want.

A test that needs a database runs on each server (see `servers`): throw-away ones, or
the one that PGHOST or PGSERVICE names. It, and every command it starts, finds the
server through the PG* variables, which lead to a database of this session's own: no
test writes to a database that was there before.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from typing import Any

import psycopg
import pytest
import servers
from dbt_common.behavior_flags import BehaviorFlagRendered
from hypothesis import settings
from server_tally import ServerTally
from sharing import ByServer
from xdist.remote import Producer

from devdb.database import enable_extensions

# Property tests draw the same examples in every run, so that a change is what makes one
# fail. `make fuzz` looks for failures with examples of its own.
settings.register_profile("reproducible", derandomize=True, deadline=None)
settings.register_profile(
    "fuzz", derandomize=False, deadline=None, max_examples=1000, print_blob=True
)
settings.load_profile("reproducible")

# dbt makes millions of objects and few cycles. To look for these as often as Python
# does by itself takes a tenth of the time.
gc.set_threshold(100_000, 50, 50)

_FLAG_MODULES = (__name__, BehaviorFlagRendered.__module__)


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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that choose servers."""
    parser.addoption(
        "--all-servers",
        action="store_true",
        help="run tests marked any_server on every server too",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse servers that are not there; count tests by server; allow interrupts.

    A shell starts what runs in its background with interrupts ignored, and all that is
    started from there inherits it.
    """
    servers.test_servers()
    config.pluginmanager.register(ServerTally(), "server_tally")
    BehaviorFlagRendered._default_source = staticmethod(_module_behind_dbt_common)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _module_behind_dbt_common() -> str:
    """Name the module that makes a behaviour flag, as dbt does.

    dbt reads the source of every frame of the stack for it, at the start of every
    command. Under pytest, whose stack is deep, that took nine tenths of the time.
    """
    frame = sys._getframe()
    while frame is not None and frame.f_globals["__name__"] in _FLAG_MODULES:
        frame = frame.f_back
    return "Unknown" if frame is None else str(frame.f_globals["__name__"])


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start slow modules first, of each server: at the end no process waits for one."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}

    def place(item: pytest.Item) -> tuple[int, bool]:
        parameters = item.callspec.params if hasattr(item, "callspec") else {}
        server = parameters.get("server")
        number = servers.test_servers().index(server) if server else 0
        return number, item.path not in slow

    items.sort(key=place)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByServer:
    """Share the tests out between processes; each has servers of its own."""
    return ByServer(config, log)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what needs a server on each; pytest orders tests so that each starts once."""
    if "server" in metafunc.fixturenames:
        found = servers.servers_for(metafunc)
        metafunc.parametrize("server", found, indirect=True, scope="session")


@pytest.fixture(scope="session")
def server(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Run a server; the value is arguments for `psycopg.connect` to a scratch database.

    Depend on it to connect in a fixture of your own that is wider than a test.
    """
    with ExitStack() as stack:
        info = stack.enter_context(request.param.run())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.delenv("PGSERVICE", raising=False)
        scratch = {**info, "dbname": servers.scratch_name()}
        for name, value in servers.environment(scratch).items():
            patch.setenv(name, value)
        _create_database(info, scratch["dbname"])
        stack.callback(_drop_database, info, scratch["dbname"])
        yield scratch


@pytest.fixture(scope="session")
def edition(server: dict[str, Any]) -> str:
    """Name the edition of the server: ``postgres``, ``apache`` or ``community``."""
    with psycopg.connect(**server) as conn:
        return servers.edition(conn)


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
def database(server: dict[str, Any]) -> Iterator[Database]:
    """An empty database with the extensions, and the environment that leads to it.

    Each has the name of the last: to the same database dbt need not parse again what is
    the same in the next test's project (see `parses`).
    """
    conninfo = {**server, "dbname": f"{server['dbname']}_test"}
    _create_database(server, conninfo["dbname"])
    yield Database(conninfo, {**os.environ, **servers.environment(conninfo)})
    # Now, not in the end: with TimescaleDB every database keeps a process busy.
    _drop_database(server, conninfo["dbname"])


def _create_database(server: dict[str, Any], name: str) -> None:
    with psycopg.connect(**server, autocommit=True) as conn:
        conn.execute(f"create database {name}")
    with psycopg.connect(**{**server, "dbname": name}, autocommit=True) as conn:
        enable_extensions(conn)


def _drop_database(server: dict[str, Any], name: str) -> None:
    with psycopg.connect(**server, autocommit=True) as conn:
        conn.execute(f"drop database if exists {name} with (force)")
