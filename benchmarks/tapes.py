"""Tapes of simulated fills: make one, cut days of it, find what else it has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from simulation.fills.run import Settings, default_traders, simulate

#: Two years and more end before today: the loader refuses fills of the future.
START = date(2024, 1, 1)

HOUR_MS = 3_600_000
#: Late fills are those of an hour of the day, UTC, of the first traders and coins.
LATE_HOUR = 12
LATE_KEYS = 100


def make_tape(folder: Path, fills: int, days: int) -> None:
    """Simulate fills, contexts and funding into a folder, a Parquet file a day."""
    traders = default_traders(fills)
    settings = Settings(fills=fills, days=days, seed=7, start=START, traders=traders)
    simulate(folder, settings, "parquet")


def days_of(tape: Path) -> list[Path]:
    """List the files of fills of a tape, by day."""
    return sorted((tape / "parquet").glob("*.parquet"))


def others_of(tape: Path, days: Iterable[Path]) -> list[tuple[str, list[Path]]]:
    """List the files of contexts and funding of these days of fills.

    Returns
    -------
    list of (str, list of Path)
        The loader's command and its files, if there are any.
    """
    found = []
    for what, folder in (("contexts", "asset_ctxs"), ("funding", "funding")):
        files = [path for day in days for path in (tape / folder).glob(f"{day.stem}.*")]
        if files:
            found.append((what, files))
    return found


def hold_back(day: Path, in_time: Path, late: Path, keys: int = LATE_KEYS) -> int:
    """Cut a day into two files: fills in time, and late fills; return the late rows.

    Parameters
    ----------
    day
        A Parquet file of a day.
    in_time, late
        The files to write, in its order; together they have its rows.
    keys
        Pairs of trader and coin, the first by address that trade in `LATE_HOUR`.
    """
    fills = pq.ParquetFile(day).read()
    keyed = pc.binary_join_element_wise(fills["user"], fills["coin"], " ")
    in_hour = pc.equal(pc.remainder(pc.divide(fills["time"], HOUR_MS), 24), LATE_HOUR)
    found = pc.unique(keyed.filter(in_hour))
    chosen = found.take(pc.array_sort_indices(found))[:keys]
    return _cut(fills, pc.and_(in_hour, pc.is_in(keyed, chosen)), in_time, late)


def split_last_hour(day: Path, before: Path, last: Path) -> None:
    """Write the last hour of a day's Parquet file, and what is before it."""
    fills = pq.ParquetFile(day).read()
    hours = pc.divide(fills["time"], HOUR_MS)
    _cut(fills, pc.equal(hours, pc.max(hours)), before, last)


def _cut(fills: pa.Table, is_chosen: pa.ChunkedArray, rest: Path, chosen: Path) -> int:
    pq.write_table(fills.filter(pc.invert(is_chosen)), rest, compression="zstd")
    pq.write_table(fills.filter(is_chosen), chosen, compression="zstd")
    return int(pc.sum(is_chosen).as_py() or 0)
