"""A cluster for one test session, which never outlives the process that started it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from devdb.account import Account, server_account
from devdb.cluster import Cluster
from devdb.errors import ServerError
from devdb.processes import free_port
from devdb.programs import embedded_programs
from devdb.settings import memory_bytes, throwaway_settings, timescale_settings
from devdb.trees import CLUSTER_PARENTS, Tree, tree_programs

# Waits until its standard input closes: that happens whenever this process ends, by
# exit, interrupt or kill -9. It runs in its own session, so Ctrl-C does not reach it.
STOP = 'cat > /dev/null; folder=$1; shift; "$@"; rm -rf "$folder"'
WATCHDOG: Sequence[str | Path] = ("/bin/sh", "-c", STOP, "sh")


@contextmanager
def throwaway_cluster(
    tree: Tree | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Cluster]:
    """Run a cluster on a free port in a temporary folder, and remove both at the end.

    Parameters
    ----------
    tree
        The tree whose PostgreSQL runs; the embedded one if None.
    settings
        See `devdb.settings`; those of throw-away clusters, with nothing made durable,
        when None. What TimescaleDB needs comes on top.

    Yields
    ------
    Cluster
        Running, with superuser ``vigil``.

    Raises
    ------
    ServerError
        When it cannot be started.
    """
    account = server_account() if tree is None else tree.account
    parents = [tempfile.gettempdir(), "/tmp", "/var/tmp"]
    home = _temporary_folder(account, parents if tree is None else CLUSTER_PARENTS)
    try:
        cluster = _cluster(account, home, tree, settings)
        account.make_folder(cluster.folder)
        data_dir = f"--pgdata={cluster.data_dir}"
        stop = cluster.programs.command("pg_ctl", "stop", "-s", "-mimmediate", data_dir)
        if not stop.account.is_current:
            for folder, _, _ in os.walk(home):
                os.chown(folder, stop.account.uid, -1)  # for the watchdog to remove
        watchdog = subprocess.Popen(
            [*WATCHDOG, home, *stop.argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            **stop.account.popen_arguments(),
        )
        try:
            cluster.create("--no-sync")
            cluster.start(free_port())
            yield cluster
        finally:
            watchdog.communicate()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _cluster(
    account: Account, home: Path, tree: Tree | None, wanted: Mapping[str, str] | None
) -> Cluster:
    settings = dict(throwaway_settings(memory_bytes()) if wanted is None else wanted)
    if tree is None:
        return Cluster(embedded_programs(account, home), home / "cluster", settings)
    if tree.edition != "postgres":
        settings |= timescale_settings()
    # The tree has its own /dev/shm, with room for dynamic shared memory.
    settings["dynamic_shared_memory_type"] = "posix"
    return Cluster(tree_programs(tree, home), home / "cluster", settings)


def _temporary_folder(account: Account, parents: Iterable[str | Path]) -> Path:
    """Make a temporary folder that `account` can enter."""
    for parent in parents:
        if not os.access(parent, os.W_OK):
            continue
        folder = Path(tempfile.mkdtemp(prefix="vigil-", dir=parent))
        if not account.is_current:
            folder.chmod(0o755)
        if account.can_enter(folder):
            return folder
        folder.rmdir()
    raise ServerError(f"there is no temporary folder that {account.name} can enter")
