"""One build of a database at a time, whatever the number of dbt processes.

dbt closes a connection with each node, and with it whatever the connection locked. So
the lock is on a connection of its own, from before dbt lists the relations that are
there until the run ends. The server releases it when the process dies.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from dbt_common.events.base_types import EventLevel
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note

from dbt_pyjobs.credentials import connect

#: The commands that build. Others read, or lock what they write by themselves.
COMMANDS = ("build", "clone", "run", "seed", "snapshot")

_TRY_LOCK = "select pg_try_advisory_lock(hashtextextended('vigil.build', 0))"
_HOLDER = """
    with build as (select hashtextextended('vigil.build', 0) as key)

    select
        format(
            '%s, as user %s, since %s (server process %s)',
            activity.application_name,
            activity.usename,
            coalesce(activity.backend_start::timestamptz(0)::text, 'an unknown time'),
            activity.pid
        )
    from pg_locks as locks
    cross join build
    inner join pg_stat_activity as activity on locks.pid = activity.pid
    where
        locks.locktype = 'advisory'
        and locks.granted
        and locks.objsubid = 1
        and locks.database = (
            select oid from pg_database where datname = current_database()
        )
        and locks.classid::bigint = (build.key >> 32) & 4294967295
        and locks.objid::bigint = build.key & 4294967295
"""
_SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def only_build(credentials: Any, command: str) -> Iterator[None]:
    """Wait until no other build of the database runs, and keep others waiting.

    The first line printed while waiting says which process builds, and since when.

    Parameters
    ----------
    credentials
        The profile's.
    command
        The dbt command, for those who wait.

    Raises
    ------
    FailedToConnectError
        The server does not answer.
    """
    name = f"dbt {command}, process {os.getpid()} on {socket.gethostname()}"
    # The server cuts longer names off, with a notice.
    with closing(connect(credentials, name[:63])) as connection:
        connection.execute("set idle_session_timeout = 0")
        told = None
        # To wait in the server would take a snapshot, for which others wait in turn.
        while connection.execute(_TRY_LOCK).fetchone() != (True,):
            holder = connection.execute(_HOLDER).fetchone()
            if holder is not None and holder != told:
                told = holder
                text = (
                    f"Waiting for another build of {credentials.database}: {holder[0]}"
                )
                fire_event(Note(msg=text), level=EventLevel.INFO)
            time.sleep(_SECONDS_BETWEEN_TRIES)
        yield
