"""Which servers run on this machine, and which ports are free."""

from __future__ import annotations

import os
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class LockFile:
    """Content of ``postmaster.pid`` in a server's data directory.

    Attributes
    ----------
    pid
        Of the postmaster that wrote it, which may have ended.
    port
        The TCP port, 0 while the server has not got that far.
    """

    pid: int
    port: int


def read_lock_file(data_dir: Path) -> LockFile | None:
    """Return the content of the lock file, None without a usable one."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        return LockFile(int(lines[0]), int(lines[3]) if len(lines) > 3 else 0)
    except (OSError, ValueError, IndexError):
        return None


def running_port(data_dir: Path) -> int | None:
    """Return the port of the server that works in `data_dir`, None without one."""
    lock = read_lock_file(data_dir)
    return lock.port if lock is not None and is_server(lock.pid, data_dir) else None


def exists(pid: int) -> bool:
    """Return whether process `pid` exists, also as a zombie or of another user."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def is_server(pid: int, data_dir: Path) -> bool:
    """Say whether process `pid` is the postmaster of `data_dir`.

    It is not enough that the process exists: another one may have its number now, and a
    killed server without a waiting parent stays as a zombie.
    """
    if not exists(pid):
        return False
    if not Path("/proc/self").exists():
        done = subprocess.run(
            ["ps", "-o", "command=", "-p", str(pid)],
            capture_output=True,
            text=True,
            check=False,
        )
        return str(data_dir) in done.stdout
    try:
        # A server's working directory is its data directory; a zombie has none.
        return os.path.samefile(f"/proc/{pid}/cwd", data_dir)
    except PermissionError:
        return True
    except OSError:
        return False


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Say whether nobody listens on `port`."""
    with socket.socket() as probe:
        # As PostgreSQL does, so that connections winding down do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
