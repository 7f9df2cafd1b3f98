"""The values every tick has, read from fields a whole chunk at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from loaders.ticks.chunk import TICK_SCHEMA
from loaders.ticks.formats.exact import PRICE_DIGITS, VOLUME_DIGITS, time_limits
from loaders.ticks.formats.fields import Fields

Integers = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

#: From this many microseconds per unit and value on: seconds, ms, µs, ns.
_UNITS = ((10**9, 10**6), (10**12, 10**3), (10**15, 1))
_NANOSECONDS = 10**18


@dataclass(frozen=True)
class Spelling:
    """What a format calls the fields of a tick."""

    id: str
    time: str
    price: str
    volume: str


@dataclass(frozen=True)
class Typed:
    """Values by row; they mean something where ``is_good``."""

    ids: Integers
    times: Integers
    is_good: Mask


def read_typed(fields: Fields, spelling: Spelling) -> Typed:
    """Read id and time, and check price and volume.

    Returns
    -------
    Typed
        ``is_good`` where all four are in the usual layout, above zero and within their
        columns, and the time (µs) is between 2009 and tomorrow.
    """
    ids, is_good = fields.integers(spelling.id)
    times, is_time = read_times(fields, spelling.time)
    is_good &= is_time
    is_good &= fields.decimals(spelling.price, *PRICE_DIGITS) == 1
    is_good &= fields.decimals(spelling.volume, *VOLUME_DIGITS) == 1
    return Typed(ids, times, is_good)


def read_times(fields: Fields, name: str) -> tuple[Integers, Mask]:
    """Read times since the epoch in any unit, or ISO 8601, as µs."""
    times, is_time = fields.integers(name)
    times = to_microseconds(times)
    if not is_time.all():
        iso, is_iso = fields.iso_times(name)
        times = np.where(is_iso, iso, times)
        is_time |= is_iso
    earliest, latest = time_limits()
    is_time &= (times >= earliest) & (times < latest)
    return times, is_time


def to_microseconds(values: Integers) -> Integers:
    """Tell the unit of times since the epoch by their size: it is sure from 2001 on."""
    times = np.zeros_like(values)
    for least, factor in _UNITS:
        is_unit = (values >= least) & (values < least * 10)
        times[is_unit] = values[is_unit] * factor
    is_fine = values >= _NANOSECONDS
    times[is_fine] = values[is_fine] // 1000
    return times


def tick_batch(
    times: Integers,
    ids: Integers,
    price: pa.Array,
    volume: pa.Array,
    side: npt.NDArray[np.int8],
    flags: pa.Array | None = None,
) -> pa.RecordBatch:
    """Make the rows of a chunk, `TICK_SCHEMA`."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array(times).cast(pa.timestamp("us", tz="UTC")),
            pa.array(ids),
            price,
            volume,
            pa.array(side.astype(np.int16)),
            pa.nulls(len(ids), pa.string()) if flags is None else flags,
        ],
        schema=TICK_SCHEMA,
    )
