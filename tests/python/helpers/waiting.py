"""Wait for an event of another process, never for a fixed time."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any

import psycopg

#: Upper limit for slow, busy machines; nothing takes as long.
PATIENCE_SECONDS = 300

#: Blocks loads at their last step, the line in the log: all their rows are written
# then, and none is committed.
HOLD_LOADS = "lock table ingestion.load_log in share mode"
_LOCKS = "select count(*) from pg_locks where relation = 'ingestion.load_log'::regclass"
HOLDERS = f"{_LOCKS} and mode = 'ShareLock' and granted"
HELD_LOADS = f"{_LOCKS} and mode = 'RowExclusiveLock' and not granted"


def wait_until(
    happened: Callable[[], bool],
    what: str = "it never happened",
    process: subprocess.Popen[str] | None = None,
) -> None:
    """Return when `happened` says so, which must be before `process` ends."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        if process is not None:
            assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def wait_for_advisory_locks(conn: psycopg.Connection[Any], sessions: int) -> None:
    """Return when so many sessions wait for an advisory lock of this database."""
    waiting = """
        select count(*) from pg_locks
        where locktype = 'advisory' and not granted and database = (
            select oid from pg_database where datname = current_database()
        )
    """
    wait_until(
        lambda: conn.execute(waiting).fetchone() == (sessions,),
        f"there are not {sessions} sessions that wait for the lock",
    )
