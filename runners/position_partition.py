"""Compute positions from the fills of some traders: a pure function on Arrow batches.

Any engine can call it that collects all fills of a trader in order of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from python_jobs.lib.fold.fold import FoldState, fold
from python_jobs.lib.fold.position_rows import position_rows
from runners.arrow_fills import ArrowFillDecoder
from runners.fill_columns import without_duplicates
from runners.fill_rules import staged

#: Fills folded at once; memory holds about 600 bytes for each.
SLICE_ROWS = 200_000


class Folded(NamedTuple):
    """The result of a slice of a partition.

    Attributes
    ----------
    fills
        Number of distinct fills, including outcome markets.
    hours
        Batches of rows of ``trader_position_hours``, for ended hours and closed
        positions; after the last slice for open positions.
    """

    fills: int
    hours: list[pa.RecordBatch]


def fold_partition(
    batches: Iterable[pa.RecordBatch],
    query: str,
    slice_rows: int = SLICE_ROWS,
) -> Iterator[Folded]:
    """Fold the fills of some traders; memory is one slice plus 200 bytes per key.

    Parameters
    ----------
    batches
        Columns of `fill_columns.FILL_SCHEMA`, in the order of ``time``: all fills of
        these traders, duplicates included.
    query
        Result of `fill_rules.staged_query`.
    slice_rows
        Fills to fold at once.

    Yields
    ------
    Folded
        In no particular order of traders. Amounts are exact decimals; each batch has
        its own scales.

    Raises
    ------
    ValueError
        The batches are not in the order of time.
    """
    decoder = ArrowFillDecoder()
    state = FoldState()
    for slice_ in whole_moments(batches, slice_rows):
        new = without_duplicates(slice_)
        hours = []
        for part in staged(new, query):
            hours += [
                position_rows(steps, decoder.users, decoder.coins)
                for steps in fold(decoder.decode(part), state)
            ]
        yield Folded(new.num_rows, hours)
    for steps in state.open_steps():
        yield Folded(0, [position_rows(steps, decoder.users, decoder.coins)])


def whole_moments(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    """Cut batches in the order of time into tables of about ``rows`` rows.

    All rows of a millisecond are in one table, so duplicates are found and the fold
    sees all fills of a millisecond together.
    """
    held: list[pa.RecordBatch] = []
    last = None
    for batch in batches:
        if batch.num_rows == 0:
            continue
        times = batch.column("time").to_numpy()
        if (last is not None and times[0] < last) or np.any(np.diff(times) < 0):
            raise ValueError("the fills are not in the order of time")
        last = times[-1]
        held.append(batch)
        if sum(each.num_rows for each in held) < rows:
            continue
        table = pa.Table.from_batches(held)
        cut = int(np.searchsorted(table["time"].to_numpy(), last))
        if cut:
            yield table.slice(0, cut)
            held = table.slice(cut).to_batches()
    if held:
        yield pa.Table.from_batches(held)
