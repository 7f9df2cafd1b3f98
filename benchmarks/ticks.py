"""The loader of ticks against the server's own COPY, on the same rows."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from benchmarks.commands import (
    connect,
    copy_on_the_server,
    create_sources,
    empty,
    run,
)
from benchmarks.scoreboard import Figure, figure
from loaders.ticks import windows
from loaders.ticks.batch import make_batch
from loaders.ticks.chunk import DecoderOptions
from loaders.ticks.decode import decode
from loaders.ticks.objects import detect
from loaders.ticks.prepared import NO_GAPS
from loaders.ticks.store import RELATION

#: Files of a recording, as many as a week has days.
FILES = 7
VENUE = "binance_spot"
SYMBOL = "BTCUSDT"

_START_US = 1_735_689_600_000_000  # 2025-01-01, when spot files went to microseconds
_MEAN_GAP_US = 50_000
_SEED = 7
_TABLES = (
    *(RELATION, windows.RELATION, "ingestion.load_log", "ingestion.stream_offsets"),
    "ingestion.sequence_runs",
)


def measure(
    env: Mapping[str, str], scratch: Path, *, ticks: int, rounds: int = 3
) -> list[Figure]:
    """Load the same ticks from CSV, from JSON lines and by COPY, in turns.

    All write the same table with the same indexes, empty at the start. The loader is
    timed as the user runs it: a process, from its start to its end, with the windows,
    runs of ids and offsets that it keeps besides. COPY reads rows that are ready.

    Parameters
    ----------
    env
        libpq variables of a database without data; its server must be able to read
        ``scratch``.
    scratch
        Folder for dbt's artifacts and the files, some 400 bytes a tick.
    ticks
        How many.
    rounds
        Repetitions, of which the median counts.

    Returns
    -------
    list of Figure
        ``load_ticks_csv_vs_copy`` and ``load_ticks_json_vs_copy``, rows/s.

    Raises
    ------
    RuntimeError
        A command fails, with what it printed, or the ways disagree on the rows.
    psycopg.Error
        The server cannot read the CSV file.
    """
    create_sources(env, scratch)
    folders = {"csv": scratch / "ticks_csv", "json": scratch / "ticks_json"}
    _write_recordings(folders["csv"], folders["json"], ticks)
    ready = scratch / "ticks.csv"
    columns = _write_rows(sorted(folders["csv"].iterdir()), ready)
    taken: dict[str, list[float]] = {"copy": [], "csv": [], "json": []}
    with closing(connect(env)) as conn:
        for _ in range(rounds):
            empty(conn, _TABLES)
            start = time.perf_counter()
            copy_on_the_server(conn, RELATION, ready, columns)
            taken["copy"].append(time.perf_counter() - start)
            _check(conn, ticks)
            for name, folder in folders.items():
                empty(conn, _TABLES)
                start = time.perf_counter()
                run(env, ["loaders.load_to_db", "ticks", str(folder)])
                taken[name].append(time.perf_counter() - start)
                _check(conn, ticks)
        empty(conn, _TABLES)
    rates = {name: ticks / statistics.median(each) for name, each in taken.items()}
    return [
        figure(
            f"load_ticks_{name}_vs_copy",
            rates[name],
            "rows/s",
            "server-side COPY",
            rates["copy"],
        )
        for name in folders
    ]


def _write_recordings(csv: Path, json: Path, ticks: int) -> None:
    """Write the same trades as Binance's CSV files and as its websocket's messages."""
    chance = np.random.default_rng(_SEED)
    gaps = chance.exponential(_MEAN_GAP_US, ticks).astype(np.int64) + 1
    times = pa.array(_START_US + np.cumsum(gaps))
    ids = pa.array(np.arange(4_000_000_000, 4_000_000_000 + ticks))
    cents = 9_500_000 + np.cumsum(chance.integers(-20, 21, ticks))
    price = _decimals(cents, 2, places=8)
    volume = _decimals(chance.integers(1, 200_000, ticks), 5, places=8)
    is_sale = pa.array(chance.random(ticks) < 0.5)
    for folder in (csv, json):
        folder.mkdir()
    bounds = np.linspace(0, ticks, FILES + 1).astype(int)
    for number in range(FILES):
        part = slice(int(bounds[number]), int(bounds[number + 1]))
        columns = [ids, price, volume, volume, times, is_sale]
        table = pa.table([column[part] for column in columns], names=list("ipvqtm"))
        day = f"2025-01-{number + 1:02d}"
        pacsv.write_csv(
            table.append_column("best", pa.repeat(True, len(table))),
            csv / f"{SYMBOL}-trades-{day}.csv",
            pacsv.WriteOptions(include_header=False, quoting_style="none"),
        )
        (json / f"{SYMBOL}-{day}.jsonl").write_text("\n".join(_messages(table)) + "\n")


def _decimals(values: Any, scale: int, places: int) -> pa.Array:
    """Write integers of ``10^-scale`` as decimals, to as many places as the venue."""
    whole, rest = np.divmod(values, 10**scale)
    digits = pc.utf8_lpad(pa.array(rest).cast(pa.string()), scale, "0")
    fraction = pc.utf8_rpad(digits, places, "0")
    return pc.binary_join_element_wise(pa.array(whole).cast(pa.string()), fraction, ".")


def _messages(table: pa.Table) -> list[str]:
    """Write trades as messages of a combined stream."""
    stamps = pc.cast(pc.divide(table["t"], 1000), pa.string())
    whose = f'"e":"trade","s":"{SYMBOL}"'
    made = pc.binary_join_element_wise(
        f'{{"stream":"btcusdt@trade","data":{{{whose},"E":',
        stamps,
        ',"t":',
        pc.cast(table["i"], pa.string()),
        ',"p":"',
        table["p"],
        '","q":"',
        table["v"],
        '","T":',
        stamps,
        ',"m":',
        pc.cast(table["m"], pa.string()),
        ',"M":true}}',
        "",
    )
    lines: list[str] = made.to_pylist()
    return lines


def _write_rows(files: list[Path], ready: Path) -> list[str]:
    """Write the rows as the loader would send them; return their columns."""
    columns: list[str] = []
    name = detect(files[0])
    with ready.open("wb") as out:
        for path in files:
            for chunk in decode(name, path, DecoderOptions()):
                batch = make_batch(chunk.rows)
                if batch is not None:
                    columns, content = batch.csv(VENUE, 0, NO_GAPS)
                    out.write(content)
    ready.chmod(0o644)
    return columns


def _check(conn: psycopg.Connection[Any], ticks: int) -> None:
    row = conn.execute(f"select count(*) from {RELATION}").fetchone()
    if row is None or row[0] != ticks:
        raise RuntimeError(f"{ticks:,} ticks, but {row and row[0]:,} are stored")
