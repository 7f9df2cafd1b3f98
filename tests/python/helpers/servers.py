"""The servers that the suite runs on: which there are, and what tests want of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import psycopg
import pytest

from devdb.database import edition
from devdb.throwaway import throwaway_cluster
from devdb.trees import Tree, found_trees, servers_dir, why_not_runnable
from pgio.connection import conninfo as project_conninfo
from pgio.connection import is_external

EMBEDDED = "postgres"
EXTERNAL = "external"
# Servers of a full run; any other tree found runs as well.
USUAL = (EMBEDDED, "apache", "community")
# Names or editions of the servers to run on; by default all that are found.
CHOICE = os.environ.get("TEST_SERVERS", "all").replace(",", " ").split()


@dataclass(frozen=True)
class TestServer:
    """A server to run tests on.

    Attributes
    ----------
    name
        In the ids of tests: ``postgres`` is the embedded one, ``external`` the one that
        PGHOST names, any other a tree's folder.
    edition
        ``postgres``, ``apache`` or ``community``.
    tree
        Where its programs are; None for the first two.
    """

    name: str
    edition: str
    tree: Tree | None = None

    __test__ = False

    @contextmanager
    def run(self) -> Iterator[dict[str, Any]]:
        """Run it; the value is arguments for `psycopg.connect`."""
        if self.name == EXTERNAL:
            yield _resolved(project_conninfo())
            return
        with throwaway_cluster(self.tree) as cluster:
            yield dict(cluster.conninfo())


@cache
def test_servers() -> tuple[TestServer, ...]:
    """Return the servers to run on, the embedded one first.

    With PGHOST or PGSERVICE set, that server is the only one.
    """
    if is_external():
        with psycopg.connect(**project_conninfo()) as conn:
            return (TestServer(EXTERNAL, edition(conn)),)
    trees = [] if why_not_runnable() else found_trees()
    found = (
        TestServer(EMBEDDED, "postgres"),
        *(TestServer(tree.name, tree.edition, tree) for tree in trees),
    )
    chosen = tuple(
        server
        for server in found
        if "all" in CHOICE or {server.name, server.edition} & set(CHOICE)
    )
    names = {name for server in found for name in (server.name, server.edition)}
    unknown = set(CHOICE) - {"all", *USUAL} - names
    if unknown or not chosen:
        raise pytest.UsageError(
            f"TEST_SERVERS={' '.join(CHOICE)!r} names"
            f" {', '.join(sorted(unknown)) or 'no server found'}; there are:"
            f" {', '.join(server.name for server in found)}, all"
        )
    return chosen


test_servers.__test__ = False  # type: ignore[attr-defined]


def why_not(name: str) -> str | None:
    """Say why the tests do not run on the server `name`, None when they do."""
    if any(name in (server.name, server.edition) for server in test_servers()):
        return None
    # Not PGHOST itself: by now a fixture may have set it.
    if test_servers()[0].name == EXTERNAL:
        return f"PGHOST names the server: nothing runs on {name}"
    if "all" not in CHOICE and name not in CHOICE:
        return f"{name}: TEST_SERVERS does not choose it"
    if name in {tree.name for tree in found_trees()}:
        return f"{name}: {why_not_runnable()}"
    made_by = ": `make timescale` makes it" if name == "apache" else ""
    return f"there is no server in {servers_dir() / name}{made_by}"


def servers_for(metafunc: pytest.Metafunc) -> list[Any]:
    """Choose the servers that a test runs on, as parameters.

    Marked ``any_server``, it runs on the first one unless ``--all-servers`` is given;
    marked ``editions``, on the servers of those.
    """
    servers = list(test_servers())
    wanted = metafunc.definition.get_closest_marker("editions")
    if wanted is not None:
        servers = [server for server in servers if server.edition in wanted.args]
    marked = metafunc.definition.get_closest_marker("any_server")
    if marked is not None and not metafunc.config.getoption("all_servers"):
        servers = servers[:1]
    if servers:
        return [pytest.param(server, id=server.name) for server in servers]
    missing = " or ".join(wanted.args) if wanted is not None else "any"
    skip = pytest.mark.skip(reason=f"no server of the edition {missing} is there")
    return [pytest.param(None, id="none", marks=skip)]


def _resolved(conninfo: dict[str, Any]) -> dict[str, Any]:
    """Return what libpq makes of the environment, so that it can be varied."""
    with psycopg.connect(**conninfo) as conn:
        info = conn.info
        resolved = {"host": info.host, "port": info.port, "user": info.user}
        password = {"password": info.password} if info.password else {}
        return {**resolved, **password, "dbname": info.dbname}


def environment(conninfo: dict[str, Any]) -> dict[str, str]:
    """Return the PG* variables that lead to a database."""
    names = {"PGHOST": "host", "PGPORT": "port", "PGUSER": "user"}
    names["PGDATABASE"] = "dbname"
    return {name: str(conninfo[key]) for name, key in names.items()}


def storage(query: Callable[[str], list[tuple[Any, ...]]], relation: str) -> str:
    """Return the table with the rows of ``schema.name``: an aggregate is a view."""
    aggregates = "timescaledb_information.continuous_aggregates"
    if query(f"select to_regclass('{aggregates}')") == [(None,)]:
        return relation
    found = query(
        "select format('%I.%I', materialization_hypertable_schema,"
        f" materialization_hypertable_name) from {aggregates}"
        f" where format('%I.%I', view_schema, view_name) = '{relation}'"
    )
    return str(found[0][0]) if found else relation


def scratch_name() -> str:
    """Name a database of this session's own."""
    return f"vigil_test_{os.getpid()}"
