"""Memory of the server's processes, where they run on this machine."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg

INTERVAL_SECONDS = 0.25
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROC = Path("/proc")


class ServerMemory:
    """The most that all processes of a server take at once, sampled in a block.

    Counts the private resident memory of each process, without the shared buffers and
    the program's pages.

    Parameters
    ----------
    conn
        To the server.

    Attributes
    ----------
    peak_mb
        After the block; None where the server runs elsewhere.
    """

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        self.peak_mb: float | None = None
        self._postmaster = _postmaster(conn)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> ServerMemory:
        if self._postmaster is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        if self._postmaster is not None:
            self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(INTERVAL_SECONDS):
            processes = [pid for pid in _pids() if _parent(pid) == self._postmaster]
            now = sum(map(_own_bytes, processes)) / 2**20
            self.peak_mb = max(self.peak_mb or 0.0, now)


def _postmaster(conn: psycopg.Connection[Any]) -> int | None:
    """Find the postmaster, None if it is not on this machine."""
    if conn.info.host not in ("127.0.0.1", "localhost", "::1"):
        return None
    pid = conn.info.backend_pid
    try:
        command = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return None
    return _parent(pid) if b"postgres" in command else None


def _pids() -> list[int]:
    return [int(name) for name in os.listdir(_PROC) if name.isdecimal()]


def _parent(pid: int) -> int | None:
    try:
        # The name before it, in parentheses, may hold anything.
        stat = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2]
    except OSError:
        return None
    return int(stat.split()[1])


def _own_bytes(pid: int) -> int:
    try:
        _, resident, shared, *_ = (_PROC / str(pid) / "statm").read_text().split()
    except OSError:
        return 0
    return (int(resident) - int(shared)) * _PAGE
