"""One PostgreSQL cluster in a folder: create, start, stop, detect incomplete ones.

The folder belongs to the server's account and holds ``data/``, ``postgresql.conf`` and
``server.log``. Connections come by TCP on 127.0.0.1 only, without a password.
"""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devdb import processes
from devdb.errors import ServerError
from devdb.programs import Programs
from devdb.settings import render

HOST = "127.0.0.1"
SUPERUSER = "vigil"
START_SECONDS = 300
STOP_SECONDS = 120
# After a kill of the postmaster its children end by themselves, but not at once.
ORPHAN_SECONDS = 30
PORTS_TRIED = 50
LOG_BYTES = 16 << 20

PORT_TAKEN = "Address already in use"
OLD_SERVER_LEFT = re.compile(r"pre-existing shared memory|lock file .* already exists")

WRITE_FILE = ("/bin/sh", "-c", 'cat > "$1"', "sh")


def silent(message: str) -> None:
    """Ignore a message."""


@dataclass
class Cluster:
    """A cluster in `folder`.

    Attributes
    ----------
    programs
        The server's programs with the account that owns `folder`.
    folder
        Its parent must exist, and the account must be able to enter it.
    settings
        Lines of ``postgresql.conf``, see `devdb.settings`.
    tell
        Called with one line about anything out of the ordinary.
    """

    programs: Programs
    folder: Path
    settings: Mapping[str, str]
    tell: Callable[[str], None] = field(default=silent)

    @property
    def data_dir(self) -> Path:
        """The server's data directory."""
        return self.folder / "data"

    @property
    def log_file(self) -> Path:
        """Where the server writes its messages."""
        return self.folder / "server.log"

    def running_port(self) -> int | None:
        """Return the port it listens on, None when it does not run."""
        return processes.running_port(self.data_dir)

    def create(self, *options: str) -> None:
        """Run ``initdb`` unless that is done; delete what a failed attempt left.

        Parameters
        ----------
        *options
            More options of ``initdb``.

        Raises
        ------
        ServerError
            When ``initdb`` fails, or the data is of another major version.
        """
        self.programs.account.make_folder(self.folder)
        if (self.data_dir / "PG_VERSION").exists():
            made_by = (self.data_dir / "PG_VERSION").read_text().strip()
            if made_by != self.programs.major_version:
                raise ServerError(
                    f"{self.data_dir} was made by PostgreSQL {made_by}, these programs "
                    f"are {self.programs.major_version}: run `make clean`, then "
                    "`make up`"
                )
            return
        if self.data_dir.exists():
            aside = self.folder / f"data.broken-{int(time.time())}"
            self._do("mv", self.data_dir, aside)
            self.tell(f"{self.data_dir} holds no cluster; it is now {aside.name}.")
        # Renamed when it is complete: a folder `data` is always a complete cluster.
        staging = self.folder / "data.new"
        self._do("rm", "-rf", staging)
        done = self.programs.run(
            "initdb",
            f"--pgdata={staging}",
            f"--username={SUPERUSER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
            *options,
        )
        if done.returncode != 0:
            raise ServerError(f"initdb failed: {_last_line(done.stderr)}")
        self._do("mv", staging, self.data_dir)

    def start(self, port: int, *, may_move: bool = True) -> int:
        """Start the server and wait until it answers.

        Parameters
        ----------
        port
            The port wanted.
        may_move
            Whether to use the next free port if that one is taken.

        Returns
        -------
        int
            The port it listens on.

        Raises
        ------
        ServerError
            When it does not start, or `port` is taken and must not move.
        """
        running = self.running_port()
        if running is not None:
            return running
        self._clear_lock_file()
        deadline = time.monotonic() + ORPHAN_SECONDS
        last = port + (PORTS_TRIED if may_move else 1)
        wanted, waiting = port, False
        while port < min(last, 65536):
            failure = self._launch(port) if processes.is_free(port) else PORT_TAKEN
            if failure is None:
                if port != wanted:
                    self.tell(f"Port {wanted} is taken: using {port} instead.")
                return port
            if PORT_TAKEN in failure:
                port += 1
            elif OLD_SERVER_LEFT.search(failure) and time.monotonic() < deadline:
                if not waiting:
                    self.tell("Waiting for the processes of the last server to end.")
                waiting = True
                time.sleep(0.5)
            else:
                raise ServerError(
                    f"PostgreSQL did not start: {failure} (log: {self.log_file})"
                )
        if may_move:
            raise ServerError(f"ports {wanted} to {port - 1} are all taken")
        raise ServerError(f"port {wanted} is taken by another program")

    def stop(self, mode: str = "fast") -> bool:
        """Stop the server and wait; return False when it did not run.

        Parameters
        ----------
        mode
            ``fast``, or ``immediate`` to leave without a checkpoint.

        Raises
        ------
        ServerError
            When it does not stop.
        """
        if self.running_port() is None:
            return False
        done = self.programs.run(
            "pg_ctl",
            "stop",
            f"--pgdata={self.data_dir}",
            f"--mode={mode}",
            f"--timeout={STOP_SECONDS}",
        )
        if done.returncode != 0 and self.running_port() is not None:
            raise ServerError(f"PostgreSQL did not stop: {_last_line(done.stderr)}")
        return True

    def conninfo(self, dbname: str = "postgres") -> dict[str, str | int]:
        """Return arguments for `psycopg.connect`.

        Raises
        ------
        ServerError
            When the server does not run.
        """
        port = self.running_port()
        if port is None:
            raise ServerError("the server does not run")
        return {"host": HOST, "port": port, "user": SUPERUSER, "dbname": dbname}

    def _launch(self, port: int) -> str | None:
        """Start on `port`; return the server's message if it cannot, else None."""
        config_file = self.folder / "postgresql.conf"
        self._do(*WRITE_FILE, config_file, stdin=render(self.settings))
        log_start = self.log_file.stat().st_size if self.log_file.exists() else 0
        if log_start > LOG_BYTES:
            self._do("rm", "-f", self.log_file)
            log_start = 0
        # Configured from outside the data directory and by TCP alone: sockets in a
        # deep folder exceed the system's limit of about 100 characters.
        options = {
            "config_file": config_file,
            "listen_addresses": HOST,
            "port": port,
            "unix_socket_directories": "",
        }
        arguments = [f"-c {k}={shlex.quote(str(v))}" for k, v in options.items()]
        done = self.programs.run(
            "pg_ctl",
            "start",
            f"--pgdata={self.data_dir}",
            f"--log={self.log_file}",
            f"--timeout={START_SECONDS}",
            "--wait",
            f"--options={' '.join(arguments)}",
        )
        if done.returncode == 0:
            return None
        with self.log_file.open(encoding="utf-8", errors="replace") as log:
            log.seek(log_start)
            said = log.read()
        if PORT_TAKEN in said:
            return PORT_TAKEN
        fatal = [line for line in said.splitlines() if "FATAL:" in line]
        return _last_line(fatal[0] if fatal else said or done.stderr)

    def _clear_lock_file(self) -> None:
        """Remove the lock file of a server that was killed.

        PostgreSQL removes it by itself, unless the process id now belongs to another
        process or to a zombie of the killed server: both are common in containers.
        """
        lock = processes.read_lock_file(self.data_dir)
        if lock is None:
            return
        self.tell("The last server did not stop by itself: recovering its data.")
        if processes.exists(lock.pid):
            self._do("rm", "-f", self.data_dir / "postmaster.pid")

    def _do(self, *argv: str | Path, stdin: str | None = None) -> None:
        done = self.programs.account.run(argv, stdin=stdin)
        if done.returncode != 0:
            raise ServerError(f"{argv[0]} failed: {_last_line(done.stderr)}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
