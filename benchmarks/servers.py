"""The servers to measure on: the one in use, and every TimescaleDB beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from devdb.embedded import EmbeddedServer
from devdb.settings import development_settings, memory_bytes
from devdb.throwaway import throwaway_cluster
from devdb.trees import Tree, found_trees, why_not_runnable
from pgio.connection import conninfo, is_external

EVERY_SERVER = "all"


@dataclass(frozen=True)
class BenchServer:
    """A server to measure on.

    Attributes
    ----------
    name
        ``embedded``, ``external`` for the one that PGHOST names, or the tree's.
    tree
        Where its programs are; None for the first two.
    """

    name: str
    tree: Tree | None = None

    @contextmanager
    def run(self) -> Iterator[tuple[Mapping[str, Any], Path]]:
        """Run it with the settings of the embedded server.

        Yields
        ------
        tuple
            Arguments for `psycopg.connect`, and an empty folder that a server on this
            machine can read.
        """
        if self.tree is None:
            if not is_external():
                EmbeddedServer().start()
            with tempfile.TemporaryDirectory(prefix="vigil-bench-") as folder:
                Path(folder).chmod(0o755)
                yield conninfo(), Path(folder)
            return
        settings = development_settings(memory_bytes())
        with throwaway_cluster(self.tree, settings) as cluster:
            # The server can read only files beside its cluster.
            beside = cluster.folder.parent / "bench"
            beside.mkdir(mode=0o755)
            yield cluster.conninfo(), beside


def server_in_use() -> BenchServer:
    """Return the server that the environment names, else the embedded one."""
    return BenchServer("external" if is_external() else "embedded")


def find_servers(names: str) -> list[BenchServer]:
    """Choose servers by name.

    Parameters
    ----------
    names
        Separated by spaces or commas; ``all``; or nothing, for the one in use.

    Raises
    ------
    click.UsageError
        When one is not found, with those that are.
    """
    wanted = names.replace(",", " ").split()
    if not wanted:
        return [server_in_use()]
    trees = [] if why_not_runnable() else found_trees()
    found = [server_in_use(), *(BenchServer(tree.name, tree) for tree in trees)]
    if wanted == [EVERY_SERVER]:
        return found
    by_name = {server.name: server for server in found}
    unknown = [name for name in wanted if name not in by_name]
    if unknown:
        raise click.UsageError(
            f"there is no server {', '.join(unknown)} here: {', '.join(by_name)}"
        )
    return [by_name[name] for name in wanted]
