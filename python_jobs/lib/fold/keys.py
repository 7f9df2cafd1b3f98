"""Number the (user, coin) pairs: keys 0, 1, 2, … in the order of first occurrence."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled


@compiled
def number_pairs(
    first: Any, second: Any, begin: int, slots: Any, pairs: Any, count: int, codes: Any
) -> Any:
    """Write the number of each pair from row ``begin`` on; stop when there is no room.

    Returns (row, count): the row where it stopped and how many numbers are in use. The
    length of ``slots`` is a power of two; -1 is a free slot.
    """
    mask = np.uint64(slots.size - 1)
    for row in range(begin, first.size):
        pair = (np.int64(first[row]) << 32) | np.int64(second[row])
        value = np.uint64(pair) * np.uint64(0x9E3779B97F4A7C15)
        slot = (value ^ (value >> np.uint64(32))) & mask
        while slots[slot] >= 0 and pairs[slots[slot]] != pair:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] < 0:
            if count == pairs.size:
                return row, count
            slots[slot] = count
            pairs[count] = pair
            count += 1
        codes[row] = slots[slot]
    return first.size, count


class KeyIndex:
    """A growing numbering of (user, coin) codes; about 16 bytes a key."""

    def __init__(self) -> None:
        self._pairs = np.zeros(1 << 9, dtype=np.int64)
        self._slots = np.full(1 << 10, -1, dtype=np.int64)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def encode(
        self, user: npt.NDArray[np.int32], coin: npt.NDArray[np.int32]
    ) -> npt.NDArray[np.int64]:
        """Return the keys of pairs, ``(rows,)``; new pairs get the next numbers."""
        codes = np.empty(user.size, dtype=np.int64)
        row = 0
        while True:
            row, self._count = number_pairs(
                user, coin, row, self._slots, self._pairs, self._count, codes
            )
            if row == user.size:
                return codes
            self._grow()

    def lookup(
        self, keys: npt.NDArray[np.int64]
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """Return the user and coin codes of keys."""
        pairs = self._pairs[keys]
        return (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)

    def _grow(self) -> None:
        known = self._pairs
        self._pairs = np.resize(known, 2 * known.size)
        self._slots = np.full(2 * self._slots.size, -1, dtype=np.int64)
        numbers = np.empty(known.size, dtype=np.int64)
        user = (known >> 32).astype(np.int32)
        coin = (known & 0xFFFFFFFF).astype(np.int32)
        number_pairs(user, coin, 0, self._slots, self._pairs, 0, numbers)
