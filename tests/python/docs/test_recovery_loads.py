"""A load during which the server, its machine, its volume or the disk's space is lost.

The same command again, and every row is there, once.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import recovery_server
from recovery_server import PASSWORDS, VOLUME_MIB, DatabaseServer, password_variables
from runbook import commands
from simulated import distinct_fills, simulate
from waiting import HELD_LOADS, HOLD_LOADS, HOLDERS, wait_until

pytest_plugins = ["recovery_instance"]
pytestmark = pytest.mark.slow

LOSSES = ("server", "machine", "volume", "space")
# Of the small object that is loaded first.
SMALL = 2_000

# Holds loads until its server is gone.
HOLD = f"""
runuser -u postgres -- psql -Xq -d vigil -c '{HOLD_LOADS}; select pg_sleep(3600)' \\
    > /dev/null 2>&1 &
"""
ROWS = """
    select count(distinct l.object), count(*),
        count(distinct (f.time, f.user_address, f.coin, f.side, f.tid, f.oid))
    from hyperliquid.fills as f inner join ingestion.load_log as l using (load_id)
    where l.object like '%/FOLDER/%'
"""
KILL = "kill -9 $(head -n 1 /srv/postgresql/17/vigil/postmaster.pid)"
GONE = "while pgrep -u postgres -x postgres > /dev/null; do sleep 0.1; done"
# A server that has run out of space tries once more before it ends.
SETTLED = "until pg_isready || ! pgrep -u postgres -x postgres; do sleep 0.1; done"
EXTENSIONS = "/usr/share/postgresql/17/extension"
# Leaves eight MiB of the volume.
FILL = """
free=$(df --output=avail -B1 /srv/postgresql | tail -n 1)
fallocate -l $((free - 8 * 1024 * 1024)) /srv/postgresql/ballast
"""


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each loss, with a small object and a large one."""
    folder = tmp_path_factory.mktemp("tape")
    simulate(folder, "--fills", "240000", "--days", str(len(LOSSES)))
    days = sorted(folder.glob("parquet/*.parquet"))
    for loss, day in zip(LOSSES, days, strict=True):
        (folder / loss).mkdir()
        fills = pq.read_table(day)
        pq.write_table(fills.slice(0, SMALL), folder / loss / "1.parquet")
        pq.write_table(fills.slice(SMALL), folder / loss / "2.parquet")
    return folder


def begin_load(instance: DatabaseServer, folder: Path) -> subprocess.Popen[str]:
    """Load the small object, and return in the middle of loading the large one."""
    load = commands("load-again")
    instance.client("vigil_loader", load, FILLS=str(folder / "1.parquet"))
    instance.done(HOLD)
    wait_until(lambda: instance.ask(HOLDERS) == ["1"])
    loader = instance.start_client("vigil_loader", load, FILLS=str(folder))
    wait_until(lambda: instance.ask(HELD_LOADS) == ["1"], process=loader)
    return loader


def assert_failed(loader: subprocess.Popen[str]) -> None:
    """Expect that the loader has ended with lines that people can read."""
    said, _ = loader.communicate(timeout=120)
    assert loader.returncode == 1, said
    assert "Traceback" not in said


def rows(instance: DatabaseServer, folder: Path) -> tuple[int, int, int]:
    """Return objects, rows and distinct rows of a folder's loads."""
    [line] = instance.ask(ROWS.replace("FOLDER", folder.name))
    objects, total, distinct = map(int, line.split("|"))
    return objects, total, distinct


def fills_logged(instance: DatabaseServer) -> tuple[int, int]:
    """Return how many fills the log says there are, and how many there are."""
    [line] = instance.ask(
        "select coalesce(sum(rows_loaded), 0), (select count(*) from hyperliquid.fills)"
        " from ingestion.load_log"
    )
    in_log, in_table = map(int, line.split("|"))
    return in_log, in_table


def assert_resumed(instance: DatabaseServer, folder: Path) -> None:
    """Load again, and expect that nothing is lost or doubled."""
    variables = {"FILLS": str(folder)}
    instance.client("vigil_loader", commands("load-again"), **variables)
    wanted = distinct_fills(folder)
    assert rows(instance, folder) == (2, wanted, wanted)
    in_log, in_table = fills_logged(instance)
    assert in_log == in_table


def test_the_server_is_killed(instance: DatabaseServer, tape: Path) -> None:
    folder = tape / "server"
    loader = begin_load(instance, folder)
    instance.done(f"{KILL}; {GONE}")
    assert_failed(loader)
    instance.done(commands("start-after-a-crash"))
    assert rows(instance, folder) == (1, SMALL, SMALL)
    assert_resumed(instance, folder)


def test_the_machine_is_lost(instance: DatabaseServer, tape: Path) -> None:
    folder = tape / "machine"
    loader = begin_load(instance, folder)
    instance.lose()
    assert_failed(loader)
    instance.begin()
    instance.done("vigil-bootstrap cluster settings start")
    assert rows(instance, folder) == (1, SMALL, SMALL)
    assert_resumed(instance, folder)


def test_the_volume_is_lost(instance: DatabaseServer, tape: Path) -> None:
    folder = tape / "volume"
    loader = begin_load(instance, folder)
    _, before = fills_logged(instance)
    instance.lose_volume()
    assert_failed(loader)
    instance.begin()
    instance.set_up()
    refused = instance.run(commands("set-up-archive"))
    assert "do not match" in refused.stdout + refused.stderr
    instance.done(commands("restore-on-a-new-server"))
    # What the last minute brought may be gone, but by whole objects.
    in_log, in_table = fills_logged(instance)
    assert in_log == in_table <= before
    assert rows(instance, folder) in {(0, 0, 0), (1, SMALL, SMALL)}
    for loss in ("server", "machine", "volume"):
        assert_resumed(instance, tape / loss)


def test_the_disk_is_full(instance: DatabaseServer, tape: Path) -> None:
    folder = tape / "space"
    instance.done(FILL)
    loader = instance.start_client(
        "vigil_loader", commands("load-again"), FILLS=str(folder)
    )
    assert_failed(loader)
    assert "100%" in instance.done(commands("look-for-space"))
    instance.done(f"rm /srv/postgresql/ballast; {SETTLED}")
    instance.done(commands("start-after-a-crash"))
    assert_resumed(instance, folder)


@pytest.mark.skipif(
    not recovery_server.may_resize(), reason="CAP_SYS_RESOURCE is not to be had here"
)
def test_the_volume_grows(instance: DatabaseServer) -> None:
    size = "df --output=size -BM /srv/postgresql | tail -n 1 | tr -d M"
    before = int(instance.done(size))
    instance.grow_volume(2 * VOLUME_MIB)
    instance.done(commands("grow-the-file-system"))
    assert int(instance.done(size)) > 1.9 * before
    assert instance.ask("select 1") == ["1"]


def test_passwords_change(instance: DatabaseServer) -> None:
    ask = "python -c 'from pgio.connection import connect; connect().close()'"
    changed = {role: f"{word} more" for role, word in PASSWORDS.items()}
    instance.done(commands("rotate-passwords"), **password_variables(changed))
    try:
        old = instance.start_client("vigil_reader", ask)
        assert "password authentication failed" in old.communicate(timeout=60)[0]
        instance.client("vigil_reader", ask, PGPASSWORD=changed["vigil_reader"])
    finally:
        instance.make_roles()
    instance.client("vigil_reader", ask)


def test_extensions_are_upgraded(instance: DatabaseServer) -> None:
    """From a version of pgvector that differs from the packaged one by its name."""
    [newest] = instance.ask(
        "select default_version from pg_available_extensions where name = 'vector'"
    )
    instance.done(f"> {EXTENSIONS}/vector--0.0.1--{newest}.sql")
    instance.ask(
        "update pg_extension set extversion = '0.0.1' where extname = 'vector'"
    )
    instance.done(commands("upgrade-extensions"))
    versions = instance.ask(
        "select installed_version = default_version from pg_available_extensions"
        " where name in ('timescaledb', 'vector')"
    )
    assert versions == ["t", "t"]
