"""The servers of development and tests: found, run from trees, gone in the end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from conftest import Database
from servers import USUAL, test_servers, why_not
from waiting import wait_until

from devdb import trees
from devdb.database import edition
from devdb.processes import is_free
from pgio.connection import PROJECT_DIR

FOUND = [server.name for server in test_servers() if server.tree is not None]
needs_tree = pytest.mark.skipif(not FOUND, reason="there is no server tree to run")

RUN_AND_WAIT = """
import sys, time
from devdb.throwaway import throwaway_cluster
from devdb.trees import found_trees
[tree] = [tree for tree in found_trees() if tree.name == sys.argv[1]]
with throwaway_cluster(tree) as cluster:
    print(cluster.conninfo()["port"], cluster.folder, flush=True)
    time.sleep(99)
"""


@pytest.mark.parametrize("name", sorted({*USUAL, *FOUND}, key=[*USUAL, *FOUND].index))
def test_servers_found(name: str) -> None:
    """Skips name what a full run has and this one has not."""
    reason = why_not(name)
    if reason is not None:
        pytest.skip(reason)


def test_the_edition_is_what_the_programs_say(
    server: dict[str, Any], request: pytest.FixtureRequest
) -> None:
    assert request.node.callspec.params["server"].edition == _edition(server)


def test_extensions_are_there(server: dict[str, Any]) -> None:
    with psycopg.connect(**server) as conn:
        rows = conn.execute("select extname from pg_extension").fetchall()
    names = {name for (name,) in rows}
    assert "vector" in names
    assert ("timescaledb" in names) == (_edition(server) != "postgres")


@pytest.mark.editions("apache", "community")
def test_timescaledb_is_quiet_and_has_workers(server: dict[str, Any]) -> None:
    with psycopg.connect(**server) as conn:
        workers = conn.execute("show max_worker_processes").fetchone()
        telemetry = conn.execute("show timescaledb.telemetry_level").fetchone()
    assert workers is not None
    assert int(workers[0]) >= 32
    assert telemetry == ("off",)


def up(database: Database) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "devdb", "up"],
        cwd=PROJECT_DIR,
        env=database.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_up_names_the_edition(database: Database) -> None:
    said = up(database)
    name = _edition(database.conninfo)
    assert ("TimescaleDB" in said) == (name != "postgres")
    assert (f"{name.capitalize()} edition" in said) == (name != "postgres")


@pytest.mark.editions("apache", "community")
def test_up_tells_of_a_timescaledb_that_is_not_used(database: Database) -> None:
    with psycopg.connect(**database.conninfo) as conn:
        conn.execute("drop extension timescaledb")
    assert "`create extension timescaledb`" in up(database)
    assert _edition(database.conninfo) == "postgres"


@needs_tree
@pytest.mark.parametrize("name", FOUND)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_tree_dies_with_its_owner(name: str, number: signal.Signals) -> None:
    mounts = Path("/proc/mounts").read_text()
    owner = subprocess.Popen(
        [sys.executable, "-c", RUN_AND_WAIT, name],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("PG")},
    )
    assert owner.stdout is not None
    port, folder = owner.stdout.readline().split()
    assert not is_free(int(port))
    os.killpg(owner.pid, number)
    owner.communicate()
    wait_until(
        lambda: is_free(int(port)) and not Path(folder).parent.exists(),
        "the server or its folder is still there",
    )
    assert Path("/proc/mounts").read_text() == mounts


@needs_tree
def test_a_tree_is_not_written_to() -> None:
    [tree, *_] = [found.tree for found in test_servers() if found.tree is not None]
    left = [*(tree.root / "tmp").iterdir(), *(tree.root / "dev/shm").iterdir()]
    assert left == []


def test_trees_are_found_by_their_content(tmp_path: Path) -> None:
    assert trees.found_trees(tmp_path / "absent") == []
    for name in ("one", ".making", "empty"):
        (tmp_path / name / "etc").mkdir(parents=True)
        (tmp_path / name / "etc/passwd").write_text("postgres:x:7:8::/:/bin/sh\n")
    for name in ("one", ".making"):
        for version in ("9", "17"):
            programs = tmp_path / name / f"usr/lib/postgresql/{version}/bin"
            programs.mkdir(parents=True)
            (programs / "postgres").touch()
    (tmp_path / "a-file").touch()
    [tree] = trees.found_trees(tmp_path)
    assert (tree.name, tree.edition) == ("one", "postgres")
    assert tree.bin_dir == Path("/usr/lib/postgresql/17/bin")
    assert (tree.account.uid, tree.account.gid) == (7, 8)
    library = tmp_path / "one/usr/lib/postgresql/17/lib"
    library.mkdir()
    (library / "timescaledb.so").touch()
    assert trees.found_trees(tmp_path)[0].edition == "apache"
    (library / "timescaledb-tsl-2.29.2.so").touch()
    assert trees.found_trees(tmp_path)[0].edition == "community"


def _edition(conninfo: dict[str, Any]) -> str:
    with psycopg.connect(**conninfo) as conn:
        return edition(conn)
