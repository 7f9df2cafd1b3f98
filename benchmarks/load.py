"""The loader of fills against the server's own COPY and against pandas."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import sqlalchemy

from benchmarks.bench import Bench
from benchmarks.copying import against_copy
from benchmarks.database import Database
from benchmarks.scoreboard import Figure, figure
from benchmarks.tapes import days_of
from loaders.fills import FILLS
from pgio.copy_in import encode_csv

#: pandas is slow: a part of the rows suffices to measure it.
PANDAS_ROWS = 20_000

_TABLES = (FILLS.relation, "ingestion.load_log", "ingestion.stream_offsets")


def measure(bench: Bench) -> list[Figure]:
    """Load a tape by the loader and by COPY in turns, and a part of it by pandas.

    The loader has two workers, as COPY is one connection by nature; its memory is
    measured with one as well.
    """
    tape = bench.tape(bench.sizes.fills)
    load = ["loaders.load_to_db", "fills", str(tape / "parquet"), "--workers"]
    with bench.database("load") as database:
        database.create_sources()
        csv = database.scratch / "fills.csv"
        columns = _write_csv(days_of(tape), csv)
        commands = {"two": [*load, "2"], "one": [*load, "1"]}
        rows, costs = against_copy(
            database, csv, columns, _TABLES, commands, bench.sizes.rounds
        )
        csv.unlink()
        pandas_rate = _pandas_rate(database, days_of(tape)[0])
    rate, copy_rate = rows / costs["two"].seconds, rows / costs["copy"].seconds
    peaks = costs["two"].megabytes, "MB", "one worker", costs["one"].megabytes
    return [
        figure("load_fills_vs_copy", rate, "rows/s", "server-side COPY", copy_rate),
        figure("load_fills_vs_to_sql", rate, "rows/s", "pandas to_sql", pandas_rate),
        figure("load_fills_peak_memory", *peaks),
    ]


def _write_csv(files: Sequence[Path], csv: Path) -> list[str]:
    """Write the rows as the loader would send them; return their columns."""
    columns: list[str] = []
    with csv.open("wb") as out:
        for path in files:
            for chunk in FILLS.chunks("parquet", path):
                out.write(encode_csv(chunk.rows))
                columns = chunk.rows.schema.names
    csv.chmod(0o644)
    return columns


def _pandas_rate(database: Database, path: Path) -> float:
    """Return rows/s of ``read_parquet`` and ``to_sql`` in their usual form."""
    schema, table = FILLS.relation.split(".")
    names = {"user": "user_address", "startPosition": "start_position"}
    names |= {"closedPnl": "closed_pnl", "feeToken": "fee_token"}
    wanted = ["time", "user", "coin", "px", "sz", "side", "dir", "startPosition"]
    wanted += ["closedPnl", "fee", "feeToken", "crossed", "hash", "oid", "tid"]
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: database.connect(autocommit=False)
    )
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
