"""Split a day of a tape into two files: fills in time, and late fills."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq

HOUR_MS = 3_600_000
HOUR = 12
KEYS = 100


def hold_back(
    day: Path, in_time: Path, late: Path, *, hour: int = HOUR, keys: int = KEYS
) -> int:
    """Hold back the fills of some traders and coins in an hour.

    Parameters
    ----------
    day
        A Parquet file of a day.
    in_time, late
        The files to write, in its order; together they have its rows.
    hour
        Of the day, UTC.
    keys
        Pairs of trader and coin, the first by address that trade in that hour.

    Returns
    -------
    int
        Rows that are late.
    """
    fills = pq.ParquetFile(day).read()
    keyed = pc.binary_join_element_wise(fills["user"], fills["coin"], " ")
    in_hour = pc.equal(pc.remainder(pc.divide(fills["time"], HOUR_MS), 24), hour)
    found = pc.unique(keyed.filter(in_hour))
    chosen = found.take(pc.array_sort_indices(found))[:keys]
    is_late = pc.and_(in_hour, pc.is_in(keyed, chosen))
    pq.write_table(fills.filter(pc.invert(is_late)), in_time, compression="zstd")
    pq.write_table(fills.filter(is_late), late, compression="zstd")
    return int(pc.sum(is_late).as_py() or 0)


def split_last_hour(day: Path, before: Path, last: Path) -> None:
    """Write the last hour of a day's Parquet file, and what is before it."""
    fills = pq.ParquetFile(day).read()
    hours = pc.divide(fills["time"], HOUR_MS)
    is_last = pc.equal(hours, pc.max(hours))
    pq.write_table(fills.filter(pc.invert(is_last)), before, compression="zstd")
    pq.write_table(fills.filter(is_last), last, compression="zstd")
