"""A cluster for one test session, which never outlives the process that started it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from devdb.account import Account, server_account
from devdb.cluster import Cluster
from devdb.errors import ServerError
from devdb.processes import free_port
from devdb.programs import embedded_programs
from devdb.settings import memory_bytes, throwaway_settings

# Reads until its standard input closes, which the end of this process does however it
# comes: an exit, an interrupt, kill -9. In its own session, Ctrl-C does not reach it.
STOP = 'cat > /dev/null; "$1/pg_ctl" stop -s -m immediate -D "$2"; rm -rf "$3"'
WATCHDOG: Sequence[str | Path] = ("/bin/sh", "-c", STOP, "sh")


@contextmanager
def throwaway_cluster() -> Iterator[Cluster]:
    """Run a cluster on a free port in a temporary folder; both go in the end.

    Yields
    ------
    Cluster
        Running, with superuser ``vigil`` and nothing made durable.

    Raises
    ------
    ServerError
        When it cannot be started.
    """
    account = server_account()
    home = _temporary_folder(account)
    try:
        programs = embedded_programs(account, home)
        cluster = Cluster(
            programs, home / "cluster", throwaway_settings(memory_bytes())
        )
        account.make_folder(cluster.folder)
        for folder, _, _ in os.walk(home):
            os.chown(folder, account.uid, -1)  # for the watchdog to remove
        watchdog = subprocess.Popen(
            [*WATCHDOG, programs.bin_dir, cluster.data_dir, home],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **account.popen_arguments(),
        )
        try:
            cluster.create("--no-sync")
            cluster.start(free_port())
            yield cluster
        finally:
            watchdog.communicate()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _temporary_folder(account: Account) -> Path:
    """Make a temporary folder that `account` can enter."""
    for parent in (tempfile.gettempdir(), "/tmp", "/var/tmp"):
        if not os.access(parent, os.W_OK):
            continue
        folder = Path(tempfile.mkdtemp(prefix="vigil-", dir=parent))
        if not account.is_current:
            folder.chmod(0o755)
        if account.can_enter(folder):
            return folder
        folder.rmdir()
    raise ServerError(f"there is no temporary folder that {account.name} can enter")
