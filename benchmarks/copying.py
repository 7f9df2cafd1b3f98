"""The loader against the server's own COPY, into the same table, in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import psycopg
from psycopg import sql

from benchmarks.database import Cost, Database


def empty(conn: psycopg.Connection[Any], tables: Sequence[str]) -> None:
    """Empty tables, and finish their write-back before the next measurement."""
    conn.execute(f"truncate {', '.join(tables)}")
    conn.execute("checkpoint")


def against_copy(
    database: Database,
    ready: Path,
    columns: Sequence[str],
    tables: Sequence[str],
    commands: Mapping[str, Sequence[str]],
    rounds: int,
) -> tuple[int, dict[str, Cost]]:
    """Write the same rows by COPY and by commands of the loader.

    All write the same table with the same indexes, empty at the start. The loader is
    timed as the user runs it: a process, from its start to its end, with all that it
    keeps besides. COPY reads rows that are ready.

    Parameters
    ----------
    ready
        The rows as CSV, which the server must be able to read.
    columns
        Of the CSV.
    tables
        The table, then what else the loader writes.
    commands
        Modules with their arguments, by name.
    rounds
        Repetitions.

    Returns
    -------
    int
        Rows.
    dict of str to Cost
        Median seconds and most memory, of ``copy`` and each command.

    Raises
    ------
    RuntimeError
        A command fails, with what it printed, or the ways disagree on the rows.
    psycopg.Error
        The server cannot read the CSV file.
    """
    copy = sql.SQL("copy {} ({}) from {} (format csv)").format(
        sql.Identifier(*tables[0].split(".")),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.Literal(str(ready)),
    )
    costs: dict[str, list[Cost]] = {name: [] for name in ("copy", *commands)}
    counts = set()
    with database.connect() as conn:
        for _ in range(rounds):
            for name, taken in costs.items():
                empty(conn, tables)
                if name == "copy":
                    start = time.perf_counter()
                    conn.execute(copy)
                    taken.append(Cost(time.perf_counter() - start, 0))
                else:
                    taken.append(database.run(*commands[name]))
                [(count,)] = conn.execute(
                    f"select count(*) from {tables[0]}"
                ).fetchall()
                counts.add(count)
        empty(conn, tables)
    if len(counts) > 1:
        raise RuntimeError(f"the loader and COPY differ in rows: {counts}")
    return counts.pop(), {
        name: Cost(median(c.seconds for c in taken), max(c.megabytes for c in taken))
        for name, taken in costs.items()
    }
