"""Memory of the loader: with more workers, and with one large file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.commands import empty, run
from benchmarks.scoreboard import Figure, figure

#: Rows of a small file, about ten minutes of the exchange.
SMALL_ROWS = 50_000
#: Rows of a row group of the large file: what pyarrow makes of a table unless told.
GROUP_ROWS = 1 << 20


def memory_figures(
    env: Mapping[str, str],
    conn: psycopg.Connection[Any],
    files: Sequence[Path],
    scratch: Path,
    tables: Sequence[str],
    peak: float,
) -> list[Figure]:
    """Load the same fills with one worker: as they are, as one file, as many.

    Parameters
    ----------
    env
        libpq variables of the database.
    conn
        Connection to it.
    files
        Parquet files.
    scratch
        Folder for the same fills in other files, which are deleted at the end.
    tables
        What to empty between loads.
    peak
        Peak memory of the loader's process with two workers, MB.

    Returns
    -------
    list of Figure
        Peak resident memory of the process, interpreter and libraries included, MB.
    """
    alone = _load(env, conn, files, tables)
    with_one = _as_files(files, scratch / "one", GROUP_ROWS, max_rows=None)
    one = _load(env, conn, with_one, tables)
    with_many = _as_files(files, scratch / "many", SMALL_ROWS, max_rows=SMALL_ROWS)
    many = _load(env, conn, with_many, tables)
    for path in (*with_one, *with_many):
        path.unlink()
    empty(conn, tables)
    small = f"files of {SMALL_ROWS:,} rows"
    return [
        figure("load_fills_peak_memory", peak, "MB", "one worker", alone),
        figure("load_fills_peak_memory_one_file", one, "MB", small, many),
    ]


def _load(
    env: Mapping[str, str],
    conn: psycopg.Connection[Any],
    files: Sequence[Path],
    tables: Sequence[str],
) -> float:
    empty(conn, tables)
    folders = sorted({str(path.parent) for path in files})
    command = ["loaders.load_to_db", "fills", "--workers", "1", *folders]
    return run(env, command)[1]


def _as_files(
    files: Sequence[Path], folder: Path, group_rows: int, *, max_rows: int | None
) -> list[Path]:
    """Write the rows again in one file, or in files of at most so many rows."""
    folder.mkdir()
    written: list[Path] = []
    writer: pq.ParquetWriter | None = None
    for table in _tables(files, group_rows):
        if writer is None or max_rows is not None:
            if writer is not None:
                writer.close()
            written.append(folder / f"{len(written)}.parquet")
            writer = pq.ParquetWriter(written[-1], table.schema, compression="zstd")
        writer.write_table(table)
    if writer is not None:
        writer.close()
    return written


def _tables(files: Sequence[Path], rows: int) -> Iterator[pa.Table]:
    """Yield all rows in tables of ``rows`` each, but for the last."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=SMALL_ROWS):
                waiting.append(batch)
                count += batch.num_rows
                while count >= rows:
                    table = pa.Table.from_batches(waiting)
                    yield table.slice(0, rows)
                    waiting = table.slice(rows).to_batches()
                    count -= rows
    if count:
        yield pa.Table.from_batches(waiting)
