"""The loader of ticks against the server's own COPY, on the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from benchmarks.bench import Bench
from benchmarks.copying import against_copy
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


def measure(bench: Bench) -> list[Figure]:
    """Load the same ticks from CSV, from JSON lines and by COPY, in turns."""
    ticks = bench.sizes.ticks
    with bench.database("ticks") as database:
        database.create_sources()
        folders = {name: database.scratch / name for name in ("csv", "json")}
        _write_recordings(folders["csv"], folders["json"], ticks)
        ready = database.scratch / "ticks.csv"
        columns = _write_rows(sorted(folders["csv"].iterdir()), ready)
        load = ("loaders.load_to_db", "ticks")
        commands = {name: (*load, str(folder)) for name, folder in folders.items()}
        _, costs = against_copy(
            database, ready, columns, _TABLES, commands, bench.sizes.rounds
        )
    rates = {name: ticks / cost.seconds for name, cost in costs.items()}
    peer = "rows/s", "server-side COPY", rates["copy"]
    return [
        figure(f"load_ticks_{name}_vs_copy", rates[name], *peer) for name in folders
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
