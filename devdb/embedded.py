"""The embedded server of this clone: PostgreSQL and pgvector from a Python wheel.

All files are in the git-ignored ``.vigil/``. If root works in a clone that the server's
account cannot enter, such as one under ``/root``, data and programs are in
``/var/lib/vigil/`` instead, and ``.vigil/cluster`` is a link to there.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from devdb.account import server_account
from devdb.cluster import HOST, Cluster, silent
from devdb.database import prepare_database
from devdb.errors import ServerError
from devdb.processes import is_free, running_port
from devdb.programs import embedded_programs
from devdb.settings import development_settings, memory_bytes
from pgio import connection as project

OUTSIDE_HOME = Path("/var/lib/vigil")


class EmbeddedServer:
    """The server behind ``make up``.

    Parameters
    ----------
    project_dir
        The clone that it serves.
    tell
        Called with one line about each thing worth knowing.
    """

    def __init__(
        self,
        project_dir: Path = project.PROJECT_DIR,
        tell: Callable[[str], None] = silent,
    ) -> None:
        self.project_dir = project_dir
        self.state_dir = project_dir / ".vigil"
        self.tell = tell

    def start(self) -> None:
        """Start it, with role and database made and pgvector enabled.

        Raises
        ------
        ServerError
            When it cannot be started.
        """
        user = os.environ.get("PGUSER") or project.DEFAULT_USER
        dbname = os.environ.get("PGDATABASE") or project.DEFAULT_DATABASE
        fixed_port = _port_asked_for()
        with self._lock():
            cluster = self._cluster()
            port = cluster.running_port()
            if port is not None:
                self.tell(f"PostgreSQL already runs on {HOST}:{port}.")
            else:
                self.tell(
                    f"Starting PostgreSQL (data in {self._shown(cluster.folder)})"
                )
                cluster.create()
                port = cluster.start(
                    fixed_port or project.DEFAULT_PORT, may_move=fixed_port is None
                )
            if fixed_port not in (None, port):
                raise ServerError(
                    f"the server runs on port {port} but PGPORT says {fixed_port}: "
                    "unset PGPORT, or run `make down` first"
                )
            prepare_database(cluster.conninfo(), user, dbname)
            self._write_server_file(port)

    def stop(self) -> None:
        """Stop it.

        Raises
        ------
        ServerError
            When it does not stop.
        """
        with self._lock():
            if (self.state_dir / "cluster").exists() and self._cluster().stop():
                self.tell("PostgreSQL is stopped; its data stays.")
            else:
                self.tell("PostgreSQL does not run.")

    def remove(self) -> None:
        """Stop it and delete its data, also outside the clone."""
        if not self.state_dir.exists():
            return
        with self._lock():
            pointer = self.state_dir / "cluster"
            if pointer.exists():
                self._cluster().stop("immediate")
            if pointer.is_symlink() and _home(pointer).parent == OUTSIDE_HOME:
                shutil.rmtree(_home(pointer), ignore_errors=True)
            shutil.rmtree(self.state_dir)

    def running_port(self) -> int | None:
        """Return the port it listens on, None when it does not run."""
        data_dir = self.state_dir / "cluster" / "data"
        if os.access(data_dir, os.R_OK | os.X_OK):
            return running_port(data_dir)
        # The server may be another user's: then only the port can be checked.
        port = int((project.embedded_server() or {}).get("port", 0))
        return port if port and not is_free(port) else None

    def _cluster(self) -> Cluster:
        """Find the cluster, or choose the place for a new one."""
        pointer = self.state_dir / "cluster"
        account = server_account(pointer)
        if not pointer.is_symlink() and not account.can_enter(self.state_dir):
            if pointer.exists():
                raise ServerError(
                    f"{account.name}, who owns {pointer}, can no longer enter it: "
                    "move the clone back, or run `make clean` to start afresh"
                )
            pointer.symlink_to(self._make_outside_home() / "cluster")
        home = _home(pointer) if pointer.is_symlink() else self.state_dir
        if not home.is_dir():
            raise ServerError(f"{home} is gone: run `make clean` to start afresh")
        return Cluster(
            embedded_programs(account, home),
            home / "cluster",
            development_settings(memory_bytes()),
            self.tell,
        )

    def _make_outside_home(self) -> Path:
        """Make a folder that every account can enter."""
        OUTSIDE_HOME.mkdir(mode=0o755, parents=True, exist_ok=True)
        mark = hashlib.sha256(bytes(self.project_dir)).hexdigest()[:12]
        for left in OUTSIDE_HOME.glob(f"{mark}-*"):
            # A clone that was deleted without `make clean` leaves data, maybe a server.
            self.tell(f"Data of an earlier clone at this path is still in {left}.")
            if running_port(left / "cluster" / "data") is not None:
                account = server_account(left / "cluster")
                Cluster(embedded_programs(account, left), left / "cluster", {}).stop()
                self.tell("Its server was still running and is stopped now.")
        home = Path(tempfile.mkdtemp(prefix=f"{mark}-", dir=OUTSIDE_HOME))
        home.chmod(0o755)
        (home / "PROJECT").write_text(f"{self.project_dir}\n", encoding="utf-8")
        return home

    def _shown(self, folder: Path) -> str:
        if folder.is_relative_to(self.project_dir):
            return str(folder.relative_to(self.project_dir))
        return f"{folder}: the server's account cannot enter {self.project_dir}"

    def _write_server_file(self, port: int) -> None:
        """Write the file that `pgio.connection` reads, by an atomic rename."""
        server = {
            "host": HOST,
            "port": port,
            "user": project.DEFAULT_USER,
            "dbname": project.DEFAULT_DATABASE,
        }
        staging = self.state_dir / "server.json.new"
        staging.write_text(json.dumps(server) + "\n", encoding="utf-8")
        staging.chmod(0o644)
        staging.rename(self.state_dir / "server.json")

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Let one command at a time start or stop the server."""
        try:
            if not self.state_dir.is_dir():
                self.state_dir.mkdir()
                self.state_dir.chmod(0o755)  # for the server's account
            lock = (self.state_dir / "lock").open("a")
        except OSError as error:
            raise ServerError(f"cannot write to {self.state_dir}: {error}") from None
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.tell(
                    "Waiting for another command that starts or stops the server."
                )
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _home(pointer: Path) -> Path:
    """Return the folder that holds what `pointer` links to."""
    return pointer.readlink().parent


def _port_asked_for() -> int | None:
    """Return ``PGPORT``: clients will look there, so no other port will do."""
    text = os.environ.get("PGPORT")
    if not text:
        return None
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise ServerError(f"PGPORT is not a port number: {text!r}")
    return int(text)
