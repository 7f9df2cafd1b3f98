"""The embedded server through its commands: what goes wrong on real machines."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from devdb_clone import Clone, new_clone
from servers import environment
from waiting import wait_until

from devdb.processes import running_port
from pgio.connection import DEFAULT_PORT

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(scope="module")
def clone() -> Iterator[Clone]:
    """A clone whose server may or may not run, with a table to tell it by."""
    with new_clone() as made:
        made.up()
        made.query("create table kept as select 42 as answer")
        yield made


def one_line(text: str) -> bool:
    return text.startswith("devdb: ") and text.count("\n") == 1


def test_up_and_down(clone: Clone) -> None:
    clone.up()
    vectors = "select count(*) from pg_extension where extname = 'vector'"
    assert clone.query(vectors) == 1
    assert clone.query("select current_user || '/' || current_database()") == (
        "vigil/vigil"
    )
    assert clone.query("select datlocprovider from pg_database limit 1") == "b"
    assert "stopped" in clone.devdb("down").stdout
    for command in ("url", "psql"):
        done = clone.devdb(command)
        assert (done.returncode, done.stdout) == (1, "")
        assert one_line(done.stderr), done.stderr
        assert "make up" in done.stderr
    assert "does not run" in clone.devdb("down").stdout
    clone.up()
    assert clone.query("select answer from kept") == 42


def test_only_the_loopback_listens(clone: Clone) -> None:
    clone.up()
    assert clone.query("show listen_addresses") == "127.0.0.1"
    assert clone.query("show unix_socket_directories") == ""


def test_psql_takes_arguments(clone: Clone) -> None:
    clone.up()
    done = clone.devdb("psql", "-At", "-c", "select answer from kept")
    assert done.stdout == "42\n", done.stderr


def test_starting_twice_says_it_runs(clone: Clone) -> None:
    clone.up()
    before = clone.postmaster
    assert "already runs" in clone.up()
    assert clone.postmaster == before


def test_two_starts_at_the_same_moment(clone: Clone) -> None:
    clone.devdb("down")
    starts = [clone.start("up") for _ in range(3)]
    said = [start.communicate(timeout=120)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0, 0], said
    assert sum("Starting" in text for text in said) == 1
    assert clone.query("select answer from kept") == 42


def test_a_taken_port_moves_to_the_next(clone: Clone) -> None:
    clone.devdb("down")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            other.bind(("127.0.0.1", DEFAULT_PORT))
            other.listen()
        except OSError:
            pass  # Taken already: just as well.
        assert f"Port {DEFAULT_PORT} is taken: using" in clone.up()
        assert f":{DEFAULT_PORT}/" not in clone.url()
        assert clone.query("select answer from kept") == 42
        clone.devdb("down")


def test_a_port_asked_for_is_kept_or_refused(clone: Clone) -> None:
    clone.devdb("down")
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        done = clone.devdb("up", PGPORT=port)
        assert done.returncode == 1
        assert one_line(done.stderr), done.stderr
        assert f"port {port} is taken" in done.stderr
    assert clone.devdb("up", PGPORT=port).returncode == 0
    assert f":{port}/" in clone.url()
    done = clone.devdb("up", PGPORT=str(DEFAULT_PORT))
    assert done.returncode == 1
    assert "unset PGPORT" in done.stderr
    clone.devdb("down")


def test_a_killed_server_recovers(clone: Clone) -> None:
    clone.up()
    clone.query("insert into kept values (43)")
    clone.query("checkpoint")
    busy = psycopg.connect(clone.url())
    # Its process computes on for a second or two and holds the shared memory.
    busy.pgconn.send_query(b"select count(*) from generate_series(1, 10000000)")
    os.kill(clone.postmaster, signal.SIGKILL)
    assert "recovering" in clone.up()
    busy.close()
    assert clone.query("select max(answer) from kept") == 43
    clone.query("delete from kept where answer = 43")


def test_a_lock_file_with_the_id_of_another_process(clone: Clone) -> None:
    clone.up()
    lock_file = clone.cluster / "data" / "postmaster.pid"
    lines = lock_file.read_text().splitlines()
    clone.devdb("down")
    owner = (clone.cluster / "data").stat()
    lock_file.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    lock_file.chmod(0o600)
    os.chown(lock_file, owner.st_uid, owner.st_gid)
    assert "recovering" in clone.up()
    assert clone.query("select answer from kept") == 42


def test_half_a_cluster() -> None:
    with new_clone() as clone:
        start = clone.start("up")
        # Killed with everything it started, half way through initdb.
        wait_until((clone.path / ".vigil/cluster/data.new/base").exists)
        os.killpg(start.pid, signal.SIGKILL)
        start.communicate()
        assert not (clone.cluster / "data").exists()
        clone.up()
        assert clone.query("select 1") == 1

        # What somebody else has broken is not thrown away.
        clone.devdb("down")
        (clone.cluster / "data" / "PG_VERSION").unlink()
        assert "holds no cluster" in clone.up()
        assert len(list(clone.cluster.glob("data.broken-*"))) == 1
        assert clone.query("select 1") == 1


def test_a_sandbox_named_by_the_environment(clone: Clone) -> None:
    done = clone.devdb("up", PGUSER="ana", PGDATABASE="ana_dev")
    assert done.returncode == 0, done.stderr
    assert clone.devdb("url", PGUSER="ana", PGDATABASE="ana_dev").stdout.startswith(
        "postgresql://ana@127.0.0.1:"
    )
    query = "select rolname from pg_database d join pg_roles r on d.datdba = r.oid"
    assert clone.query(f"{query} where datname = 'ana_dev'") == "ana"


def test_with_pghost_nothing_is_started(server: dict[str, str]) -> None:
    variables = environment(server)
    with new_clone() as clone:
        done = clone.devdb("up", **variables)
        assert done.returncode == 0, done.stderr
        assert "nothing is started" in done.stdout
        assert not (clone.path / ".vigil").exists()
        assert "not ours to stop" in clone.devdb("down", **variables).stdout
        done = clone.devdb("psql", "-Atc", "select current_database()", **variables)
        assert done.stdout.strip() == server["dbname"]


def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = str(unused.getsockname()[1])
        with new_clone() as clone:
            done = clone.devdb("up", PGHOST="127.0.0.1", PGPORT=port)
            assert done.returncode == 1
            assert one_line(done.stderr), done.stderr


def test_a_throwaway_server_dies_with_its_owner() -> None:
    show = """if True:
        import psycopg, time
        row = psycopg.connect().execute("show data_directory").fetchone()
        print(row[0], flush=True)
        time.sleep(99)
    """
    with new_clone() as clone:
        owner = clone.start("throwaway", sys.executable, "-c", show)
        assert owner.stdout is not None
        data_dir = Path(owner.stdout.readline().strip())
        assert running_port(data_dir) is not None
        os.killpg(owner.pid, signal.SIGKILL)
        owner.communicate()
        wait_until(lambda: not data_dir.parents[1].exists())
        assert running_port(data_dir) is None


@as_root
def test_root_in_a_folder_that_others_cannot_enter() -> None:
    with new_clone(mode=0o700) as clone:
        parents = [clone.path.parent, Path("/var/lib"), Path("/tmp")]
        before = [stat.S_IMODE(folder.stat().st_mode) for folder in parents]
        said = clone.up()
        outside = clone.cluster.parent
        assert outside.parent == Path("/var/lib/vigil")
        assert str(clone.cluster) in said
        assert clone.query("select 1") == 1
        clone.devdb("down")
        clone.up()
        assert clone.cluster.parent == outside

        # A clone that was deleted as it ran leaves its server to the next one there.
        shutil.rmtree(clone.path / ".vigil")
        said = clone.up()
        assert str(outside) in said
        assert "stopped now" in said
        assert clone.cluster.parent != outside
        assert clone.devdb("remove").returncode == 0
        assert not clone.cluster.parent.exists()
        shutil.rmtree(outside)
        modes = [stat.S_IMODE(folder.stat().st_mode) for folder in parents]
        assert modes == before


@as_root
def test_root_runs_the_server_unprivileged(clone: Clone) -> None:
    clone.up()
    assert Path(f"/proc/{clone.postmaster}").stat().st_uid != 0
