"""A database of a benchmark's own, and the project's commands run on it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from devdb.database import enable_extensions
from pgio import connection

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_POLL_S = 0.02


class Cost(NamedTuple):
    """What a command took.

    Attributes
    ----------
    seconds
        Its wall time.
    megabytes
        Peak resident memory of its process, 0 where there is no ``/proc``.
    """

    seconds: float
    megabytes: float


@dataclass(frozen=True)
class Database:
    """A database, and where its commands write.

    Attributes
    ----------
    env
        The environment, with the libpq variables that lead to it.
    scratch
        For dbt's artifacts, and for files that a server on this machine can read.
    """

    env: Mapping[str, str]
    scratch: Path

    def connect(self, *, autocommit: bool = True) -> psycopg.Connection[Any]:
        """Connect to it."""
        return connection.connect(
            host=self.env["PGHOST"],
            port=self.env["PGPORT"],
            user=self.env["PGUSER"],
            dbname=self.env["PGDATABASE"],
            autocommit=autocommit,
        )

    def create_sources(self) -> None:
        """Create the raw tables."""
        self.dbt("run-operation", "create_sources")

    def load(self, what: str, *paths: Path, workers: int | None = None) -> Cost:
        """Load files or folders (``what``: fills, ticks, …) as a user does."""
        options = [] if workers is None else ["--workers", str(workers)]
        return self.run("loaders.load_to_db", what, *options, *map(str, paths))

    def dbt(self, *args: str) -> Cost:
        """Run dbt."""
        folder = str(self.scratch)
        artifacts = ["--target-path", folder, "--log-path", folder]
        return self.run("dbt.cli.main", "--no-use-colors", *args, *artifacts)

    def node_seconds(self) -> dict[str, float]:
        """Return the seconds of each node of dbt's last command, by its unique id."""
        results = json.loads((self.scratch / "run_results.json").read_bytes())
        return {n["unique_id"]: n["execution_time"] for n in results["results"]}

    def run(self, *command: str) -> Cost:
        """Run a module and watch its memory.

        `ru_maxrss` of a child counts the memory of its parent before the exec, and a
        benchmark may use more memory than the command that it measures.

        Raises
        ------
        RuntimeError
            When it fails, with what it printed.
        """
        start = time.perf_counter()
        with tempfile.TemporaryFile("w+") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=connection.PROJECT_DIR,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            status = Path(f"/proc/{process.pid}/status")
            peak = 0
            while process.poll() is None:
                found = _PEAK.search(status.read_text()) if status.exists() else None
                peak = max(peak, int(found[1]) if found else 0)
                time.sleep(_POLL_S)
            seconds = time.perf_counter() - start
            if process.returncode != 0:
                output.seek(0)
                raise RuntimeError(f"{' '.join(command)} failed:\n{output.read()}")
        return Cost(seconds, peak / 1024)


@contextmanager
def temporary_database(
    server: Mapping[str, Any], name: str, scratch: Path
) -> Iterator[Database]:
    """Make an empty database with the extensions; drop it in the end.

    Parameters
    ----------
    server
        Arguments for `psycopg.connect`.
    name
        The database is called ``vigil_bench_NAME``; an earlier one is dropped.
    scratch
        Gets a folder of that name.
    """
    folder = scratch / name
    folder.mkdir()
    name = f"vigil_bench_{name}"
    drop = sql.SQL("drop database if exists {} with (force)").format(
        sql.Identifier(name)
    )
    with connection.connect(**server, autocommit=True) as conn:
        conn.execute(drop)
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        info = conn.info
        variables = {
            "PGHOST": info.host,
            "PGPORT": str(info.port),
            "PGUSER": info.user,
            "PGDATABASE": name,
        }
    made = Database({**os.environ, **variables}, folder)
    try:
        with made.connect() as conn:
            enable_extensions(conn)
        yield made
    finally:
        with connection.connect(**server, autocommit=True) as conn:
            conn.execute(drop)
