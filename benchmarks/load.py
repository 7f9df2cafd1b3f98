"""The loader against the server's own COPY and against pandas, on the same rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import psycopg
import pyarrow.parquet as pq
import sqlalchemy

from benchmarks.commands import (
    connect,
    copy_on_the_server,
    create_sources,
    empty,
    run,
)
from benchmarks.load_memory import memory_figures
from benchmarks.scoreboard import Figure, figure
from loaders.fills import FILLS
from pgio.copy_in import encode_csv

#: pandas is slow: a part of the rows suffices to measure it.
PANDAS_ROWS = 20_000

_TABLES = (FILLS.relation, "ingestion.load_log", "ingestion.stream_offsets")


def measure(
    env: Mapping[str, str],
    tape: Path,
    scratch: Path,
    *,
    rounds: int = 3,
    workers: int = 2,
) -> list[Figure]:
    """Load a tape by the loader and by COPY in turns, and a part of it by pandas.

    All three write the same table with the same indexes, empty at the start. The loader
    is timed as the user runs it: a process, from its start to its end, with its workers
    (COPY is one connection by nature).

    Parameters
    ----------
    env
        libpq variables of a database without data; its server must be able to read
        ``scratch``.
    tape
        Parquet files of fills, of the size to measure with.
    scratch
        Folder for dbt's artifacts and the CSV file, some 300 bytes a row.
    rounds
        Repetitions, of which the median counts.
    workers
        Workers of the loader.

    Returns
    -------
    list of Figure
        ``load_fills_vs_copy`` and ``load_fills_vs_to_sql``, rows/s, and the peak memory
        of the loader's process.

    Raises
    ------
    RuntimeError
        A command fails, with what it printed, or the ways disagree on the rows.
    psycopg.Error
        The server cannot read the CSV file.
    """
    create_sources(env, scratch)
    files = sorted(tape.rglob("*.parquet"))
    csv = scratch / "fills.csv"
    columns, rows = _write_csv(files, csv)
    load = ["loaders.load_to_db", "fills", "--workers", str(workers), str(tape)]
    loader_s, copy_s, peaks = [], [], []
    try:
        with closing(connect(env)) as conn:
            for _ in range(rounds):
                empty(conn, _TABLES)
                start = time.perf_counter()
                copy_on_the_server(conn, FILLS.relation, csv, columns)
                copy_s.append(time.perf_counter() - start)
                copied = _count(conn)

                empty(conn, _TABLES)
                seconds, peak = run(env, load)
                loader_s.append(seconds)
                peaks.append(peak)
                if not copied == _count(conn) == rows:
                    raise RuntimeError(f"{rows} rows, {copied} copied: not the same")
            empty(conn, _TABLES)
            pandas_rate = _pandas_rate(conn, files[0])
            csv.unlink()
            memory = memory_figures(env, conn, files, scratch, _TABLES, max(peaks))
    finally:
        csv.unlink(missing_ok=True)
    rate = rows / statistics.median(loader_s)
    copy_rate = rows / statistics.median(copy_s)
    return [
        figure("load_fills_vs_copy", rate, "rows/s", "server-side COPY", copy_rate),
        figure("load_fills_vs_to_sql", rate, "rows/s", "pandas to_sql", pandas_rate),
        *memory,
    ]


def _write_csv(files: Sequence[Path], csv: Path) -> tuple[list[str], int]:
    """Write the rows as the loader would send them; return their columns and number."""
    columns: list[str] = []
    rows = 0
    with csv.open("wb") as out:
        for path in files:
            for chunk in FILLS.chunks("parquet", path):
                out.write(encode_csv(chunk.rows))
                columns = chunk.rows.schema.names
                rows += chunk.rows.num_rows
    csv.chmod(0o644)
    return columns, rows


def _count(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute(f"select count(*) from {FILLS.relation}").fetchone()
    return int(row[0]) if row else 0


def _pandas_rate(conn: psycopg.Connection[Any], path: Path) -> float:
    """Return rows/s of ``read_parquet`` and ``to_sql`` in their usual form."""
    schema, table = FILLS.relation.split(".")
    names = {"user": "user_address", "startPosition": "start_position"}
    names |= {"closedPnl": "closed_pnl", "feeToken": "fee_token"}
    wanted = ["time", "user", "coin", "px", "sz", "side", "dir", "startPosition"]
    wanted += ["closedPnl", "fee", "feeToken", "crossed", "hash", "oid", "tid"]
    info = conn.info
    url = sqlalchemy.URL.create(
        "postgresql+psycopg",
        info.user,
        info.password or None,
        info.host,
        info.port,
        info.dbname,
    )
    engine = sqlalchemy.create_engine(url)
    decimals = ["px", "sz", "start_position", "closed_pnl", "fee"]
    kinds = dict.fromkeys(decimals, sqlalchemy.Numeric())
    try:
        start = time.perf_counter()
        with pq.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=PANDAS_ROWS, columns=wanted)
            frame: pd.DataFrame = next(batches).to_pandas()
        frame = frame.rename(columns=names)
        frame.to_sql(
            table,
            engine,
            schema=schema,
            if_exists="append",
            index=False,
            method="multi",
            chunksize=1_000,
            dtype=kinds,
        )
        return len(frame) / (time.perf_counter() - start)
    finally:
        engine.dispose()
