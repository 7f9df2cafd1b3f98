"""The project's commands and connections, for a benchmark's database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from devdb.database import enable_extensions

PROJECT_DIR = Path(__file__).resolve().parents[1]

#: What dbt writes into its target folder.
RUN_RESULTS = "run_results.json"

_PEAK = re.compile(r"^VmHWM:\s+(\d+) kB", re.MULTILINE)
_POLL_S = 0.02


def connect(env: Mapping[str, str]) -> psycopg.Connection[Any]:
    """Connect, in autocommit mode, to the database that libpq variables name."""
    return psycopg.connect(
        host=env["PGHOST"],
        port=env["PGPORT"],
        user=env["PGUSER"],
        dbname=env["PGDATABASE"],
        password=env.get("PGPASSWORD"),
        autocommit=True,
    )


@contextmanager
def database(
    server: Mapping[str, Any], name: str, *, keep: bool = False
) -> Iterator[dict[str, str]]:
    """Make an empty database with the extensions; drop it in the end.

    Parameters
    ----------
    server
        Arguments for `psycopg.connect`.
    name
        The database; an existing one of that name is dropped.
    keep
        Do not drop it.

    Yields
    ------
    dict of str to str
        The environment with the libpq variables that lead to it.
    """
    drop = sql.SQL("drop database if exists {} with (force)").format(
        sql.Identifier(name)
    )
    with psycopg.connect(**server, autocommit=True) as conn:
        conn.execute(drop)
        conn.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        info = conn.info
        env = {
            **os.environ,
            "PGHOST": info.host,
            "PGPORT": str(info.port),
            "PGUSER": info.user,
            "PGDATABASE": name,
        }
    try:
        with connect(env) as conn:
            enable_extensions(conn)
        yield env
    finally:
        if not keep:
            with psycopg.connect(**server, autocommit=True) as conn:
                conn.execute(drop)


def create_sources(env: Mapping[str, str], scratch: Path) -> None:
    """Create the raw tables; dbt's artifacts go to a scratch folder."""
    dbt(env, scratch, "run-operation", "create_sources")


def load(env: Mapping[str, str], scratch: Path, *tapes: Path) -> None:
    """Create the raw tables and load files or folders of fills."""
    create_sources(env, scratch)
    run(env, ["loaders.load_to_db", "fills", *map(str, tapes)])


def empty(conn: psycopg.Connection[Any], tables: Sequence[str]) -> None:
    """Empty tables, and finish their write-back before the next measurement."""
    conn.execute(f"truncate {', '.join(tables)}")
    conn.execute("checkpoint")


def copy_on_the_server(
    conn: psycopg.Connection[Any], relation: str, csv: Path, columns: Sequence[str]
) -> None:
    """Let the server itself COPY a CSV file, which it must be able to read."""
    conn.execute(
        sql.SQL("copy {} ({}) from {} (format csv)").format(
            sql.Identifier(*relation.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.Literal(str(csv)),
        )
    )


def dbt_command(scratch: Path, *args: str) -> list[str]:
    """Write a dbt command for `run`; its artifacts go to a scratch folder."""
    artifacts = ["--target-path", str(scratch), "--log-path", str(scratch)]
    return ["dbt.cli.main", "--no-use-colors", *args, *artifacts]


def dbt(env: Mapping[str, str], scratch: Path, *args: str) -> tuple[float, float]:
    """Run dbt; its seconds, and its peak resident memory in MB, as `run` has them."""
    return run(env, dbt_command(scratch, *args))


def node_seconds(scratch: Path) -> dict[str, float]:
    """Return the seconds of each node of dbt's last command, by its unique id."""
    path = scratch / RUN_RESULTS
    written = json.loads(path.read_bytes()) if path.exists() else {"results": []}
    return {node["unique_id"]: node["execution_time"] for node in written["results"]}


def run(env: Mapping[str, str], command: list[str]) -> tuple[float, float]:
    """Run a module and watch its memory.

    `ru_maxrss` of a child counts the memory of its parent before the exec, and a
    benchmark may use more memory than the command that it measures.

    Returns
    -------
    tuple of float
        Its seconds, and its peak resident memory in MB, 0 where there is no ``/proc``.

    Raises
    ------
    RuntimeError
        When it fails, with what it printed.
    """
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=PROJECT_DIR,
            env={**os.environ, **env},
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
    return seconds, peak / 1024
