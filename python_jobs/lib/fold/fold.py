"""Fold fills into positions, chunk by chunk.

``fold(fills, state)`` takes the next fills in time. It yields the state of positions at
the end of each hour in which they had a fill, and when they were closed. The unfinished
hour stays in the state. Fills may be split into chunks between any two milliseconds:
the steps are the same. Memory is one chunk plus about 200 bytes for each (trader,
coin).
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib.fold import kernel as fk
from python_jobs.lib.fold.chunk import fold_keys
from python_jobs.lib.fold.fills import Fills
from python_jobs.lib.fold.keys import KeyIndex
from python_jobs.lib.fold.large import fold_large_key
from python_jobs.lib.fold.records import group_keys, order_by_time, write_records

#: Steps yielded at once.
_BLOCK_ROWS = 65_536


@dataclass(frozen=True)
class Steps:
    """Positions at the ends of hours, as the kernel writes them.

    Attributes
    ----------
    values
        ``(steps, STEP_WIDTH)``, int64 or Python integers; columns as in `kernel`.
        ``CLOSED`` is -1 if the position is still open.
    user, coin
        ``(steps,)``: codes as in the fills.
    """

    values: npt.NDArray[Any]
    user: npt.NDArray[np.int32]
    coin: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return int(self.values.shape[0])


class FoldState:
    """The state that the fold carries from chunk to chunk.

    Attributes
    ----------
    keys
        Numbering of the (user, coin) pairs so far.
    narrow
        ``(room, STATE_WIDTH)`` int64, one row per key.
    large
        Key → ``(1, STATE_WIDTH)`` of Python integers, instead of its row in ``narrow``.
    numbers
        ``(room,)`` of -1, for `group_keys`.
    """

    def __init__(self) -> None:
        self.keys = KeyIndex()
        self.narrow = self._fresh(0)
        self.large: dict[int, npt.NDArray[Any]] = {}
        self.numbers = np.full(0, -1, dtype=np.int64)

    def reserve(self) -> None:
        """Allocate rows for all numbered keys."""
        missing = len(self.keys) - self.narrow.shape[0]
        if missing > 0:
            room = max(missing, self.narrow.shape[0] // 2)
            self.narrow = np.concatenate([self.narrow, self._fresh(room)])
            self.numbers = np.full(len(self.narrow), -1, dtype=np.int64)

    def open_steps(self) -> Iterator[Steps]:
        """Yield the present state of the open positions."""
        positions = self.narrow[: len(self.keys), fk.POSITION]
        is_open = positions != 0
        is_open[list(self.large)] = False
        keys = np.flatnonzero(is_open)
        for begin in range(0, keys.size, _BLOCK_ROWS):
            part = keys[begin : begin + _BLOCK_ROWS]
            yield self._steps(_as_open(self.narrow[part], part))
        large = [key for key, row in self.large.items() if row[0, fk.POSITION] != 0]
        if large:
            rows = np.concatenate([self.large[key] for key in large])
            yield self._steps(_as_open(rows, np.array(large)))

    def _steps(self, values: npt.NDArray[Any]) -> Steps:
        user, coin = self.keys.lookup(values[:, fk.KEY].astype(np.int64))
        return Steps(values, user, coin)

    @staticmethod
    def _fresh(count: int) -> npt.NDArray[np.int64]:
        rows = np.zeros((count, fk.STATE_WIDTH), dtype=np.int64)
        rows[:, fk.OPENED] = -1
        rows[:, fk.LAST_FILL] = -1
        rows[:, fk.LAST_EXIT] = -1
        rows[:, fk.USD_SCALE] = fk.USD_GRID
        return rows


def _as_open(rows: npt.NDArray[Any], keys: npt.NDArray[np.int64]) -> npt.NDArray[Any]:
    values = np.full((len(rows), fk.STEP_WIDTH), -1, dtype=rows.dtype)
    values[:, : fk.STATE_WIDTH] = rows
    values[:, fk.KEY] = keys
    return values


def fold(fills: Fills, state: FoldState, threads: int = 1) -> Iterator[Steps]:
    """Fold the next fills and yield the hours and positions that they ended.

    Parameters
    ----------
    fills
        Fills in any order, all later than the fills of earlier calls: a millisecond
        must not be split between two calls.
    state
        Changed in place. It is complete when the iterator is exhausted.
    threads
        Number of threads that share the keys; compiled code releases the GIL.

    Yields
    ------
    Steps
        In no particular order.
    """
    if len(fills) == 0:
        return
    codes = state.keys.encode(fills.user, fills.coin)
    state.reserve()
    touched = np.empty(codes.size, dtype=np.int64)
    count, starts = group_keys(codes, state.numbers, touched)
    touched, starts = touched[:count], starts[: count + 1]
    by_time = order_by_time(fills.time)
    records = np.empty((len(fills), fk.RECORD_WIDTH), dtype=np.int64)
    order = np.arange(len(fills))
    is_large = np.isin(touched, list(state.large))

    def fold_part(keys: tuple[int, int]) -> list[npt.NDArray[np.int64]]:
        write_records(fills, codes, by_time, starts, keys, records)
        done, end = keys
        most = int(np.diff(starts[done : end + 1]).max())
        room = max(_BLOCK_ROWS, fk.STEPS_OF_A_FILL * most)
        blocks = []
        while done < end:
            block = np.empty((room, fk.STEP_WIDTH), dtype=np.int64)
            done, used = fold_keys(
                touched, done, end, starts, records, order, fills.block, fills.event,
                state.narrow, is_large, block,
            )  # fmt: skip
            if used:
                blocks.append(block[:used])
        return blocks

    with ThreadPoolExecutor(threads) as pool:
        for blocks in pool.map(fold_part, _parts(starts, threads)):
            yield from map(state._steps, blocks)
    for k in np.flatnonzero(is_large):
        key = int(touched[k])
        own = records[starts[k] : starts[k + 1]]
        values = fold_large_key(fills, own, _large_state(state, key))
        values[:, fk.KEY] = key
        if len(values):
            yield state._steps(values)


def _parts(starts: npt.NDArray[np.int64], count: int) -> list[tuple[int, int]]:
    """Cut the keys into nonempty ranges with about equal numbers of fills."""
    shares = np.arange(count + 1) * starts[-1] // count
    cuts = np.unique(np.searchsorted(starts, shares)).tolist()
    return list(pairwise(cuts))


def _large_state(state: FoldState, key: int) -> npt.NDArray[Any]:
    if key not in state.large:
        state.large[key] = state.narrow[key : key + 1].astype(object)
    return state.large[key]
