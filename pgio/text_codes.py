"""Texts as small integers: one code per distinct value, the same in every batch."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.binary_rows import RowBatch
from pgio.compiled import compilable, compiled

_FREE = -1


@compilable
def _hash(data: Any, start: int, length: int) -> Any:
    """FNV-1a over words of eight bytes, then over what is left."""
    value = np.uint64(14695981039346656037)
    at = start
    end = start + length
    while at + 8 <= end:
        word = np.uint64(0)
        for i in range(8):
            word |= np.uint64(data[at + i]) << np.uint64(8 * i)
        value = (value ^ word) * np.uint64(1099511628211)
        value ^= value >> np.uint64(29)
        at += 8
    while at < end:
        value = (value ^ np.uint64(data[at])) * np.uint64(1099511628211)
        at += 1
    return value ^ (value >> np.uint64(32))


@compiled
def intern_texts(
    data: Any,
    starts: Any,
    lengths: Any,
    begin: int,
    slots: Any,
    hashes: Any,
    offsets: Any,
    pool: Any,
    count: int,
    codes: Any,
) -> Any:
    """Write the code of each value from row ``begin`` on; new values get new codes.

    Returns (row, count): where it stopped, because there is no room for another value,
    and the number of codes given so far.
    """
    mask = np.uint64(slots.size - 1)
    for row in range(begin, starts.size):
        length = lengths[row]
        if length < 0:
            codes[row] = -1
            continue
        start = starts[row]
        value = _hash(data, start, length)
        slot = value & mask
        code = -1
        while slots[slot] != _FREE:
            known = slots[slot]
            at = offsets[known]
            if hashes[known] == value and offsets[known + 1] - at == length:
                same = True
                for i in range(length):
                    if pool[at + i] != data[start + i]:
                        same = False
                        break
                if same:
                    code = known
                    break
            slot = (slot + np.uint64(1)) & mask
        if code < 0:
            at = offsets[count]
            if 2 * (count + 1) > slots.size or at + length > pool.size:
                return row, count
            for i in range(length):
                pool[at + i] = data[start + i]
            offsets[count + 1] = at + length
            hashes[count] = value
            slots[slot] = count
            code = count
            count += 1
        codes[row] = code
    return starts.size, count


class TextCodes:
    """A growing dictionary of texts; code ``i`` is the ``i``-th distinct one met.

    Memory is about 30 bytes a value plus its UTF-8 bytes.
    """

    def __init__(self) -> None:
        self._slots = np.full(1 << 10, _FREE, dtype=np.int32)
        self._hashes = np.zeros(1 << 9, dtype=np.uint64)
        self._offsets = np.zeros((1 << 9) + 1, dtype=np.int64)
        self._pool = np.zeros(1 << 14, dtype=np.uint8)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def encode_column(self, rows: RowBatch, name: str) -> npt.NDArray[np.int32]:
        """Return the codes of a text column, ``(rows,)``; -1 is NULL."""
        column = rows.index(name)
        return self._encode(rows.data, rows.starts[column], rows.lengths[column])

    def encode(self, values: list[str | None]) -> npt.NDArray[np.int32]:
        """Return the codes of a list of texts; -1 is None."""
        parts = [b"" if value is None else value.encode() for value in values]
        sizes = np.array([len(part) for part in parts], dtype=np.int64)
        starts = np.cumsum(sizes) - sizes
        lengths = sizes.astype(np.int32)
        lengths[[value is None for value in values]] = -1
        data = np.frombuffer(b"".join(parts), dtype=np.uint8)
        return self._encode(data, starts, lengths)

    def values(self, begin: int = 0) -> list[str]:
        """Return the texts from code ``begin`` on, in the order of their codes."""
        data = self._pool.tobytes()
        bounds = self._offsets[begin : self._count + 1].tolist()
        return [data[a:b].decode() for a, b in pairwise(bounds)]

    def to_arrow(self) -> pa.Array:
        """Return all texts in the order of their codes, without copying them."""
        return pa.Array.from_buffers(
            pa.large_string(),
            self._count,
            [None, pa.py_buffer(self._offsets), pa.py_buffer(self._pool)],
        )

    def _encode(self, data: Any, starts: Any, lengths: Any) -> npt.NDArray[np.int32]:
        codes = np.empty(starts.size, dtype=np.int32)
        row = 0
        while True:
            row, self._count = intern_texts(
                data,
                starts,
                lengths,
                row,
                self._slots,
                self._hashes,
                self._offsets,
                self._pool,
                self._count,
                codes,
            )
            if row == starts.size:
                return codes
            self._grow(int(lengths[row]))

    def _grow(self, length: int) -> None:
        if 2 * (self._count + 1) > self._slots.size:
            size = 2 * self._slots.size
            self._slots = np.full(size, _FREE, dtype=np.int32)
            self._hashes = np.resize(self._hashes, size // 2)
            self._offsets = np.resize(self._offsets, size // 2 + 1)
            place_codes(self._slots, self._hashes, self._count)
        else:
            pool = np.empty(2 * self._pool.size + length, dtype=np.uint8)
            pool[: self._pool.size] = self._pool
            self._pool = pool


@compiled
def place_codes(slots: Any, hashes: Any, count: int) -> None:
    """Fill an empty table of slots with the codes 0 … ``count`` - 1."""
    mask = np.uint64(slots.size - 1)
    for code in range(count):
        slot = hashes[code] & mask
        while slots[slot] != _FREE:
            slot = (slot + np.uint64(1)) & mask
        slots[slot] = code
