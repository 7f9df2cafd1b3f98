"""Allow one build of a database at a time, for any number of dbt processes.

dbt closes its connection after each node, which releases the connection's locks. So the
advisory lock is held on a separate connection, from before dbt lists the existing
relations until the run ends. The server releases it if the process dies.
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

#: The commands that build. Other commands only read, or take their own locks.
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
    """Wait until no other build of the database runs, then hold the build lock.

    The first line printed while waiting says which process builds, and since when.

    Parameters
    ----------
    credentials
        Credentials of the profile.
    command
        The dbt command; waiting builds show it.

    Raises
    ------
    FailedToConnectError
        The server does not answer.
    """
    name = f"dbt {command}, process {os.getpid()} on {socket.gethostname()}"
    # The server shortens longer names, with a notice.
    with closing(connect(credentials, name[:63])) as connection:
        connection.execute("set idle_session_timeout = 0")
        told = None
        # Poll: a waiting statement holds a snapshot, and other commands wait for it.
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
