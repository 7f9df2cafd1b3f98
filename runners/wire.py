"""Encode Arrow columns as the server's binary rows.

`python_jobs.lib.fold.fills` decodes binary rows of the database, so rows of a file are
first encoded in the same way.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.binary_rows import Column, RowBatch
from pgio.compiled import compiled

_BOOLEAN, _BIGINT, _TEXT, _NUMERIC = 16, 20, 25, 1700

#: Most groups of four digits in a numeric: 20 digits before the point and 18 after it
#: need 10; two are spare.
_MOST_GROUPS = 12
#: Four 16-bit fields, then the groups.
_NUMERIC_BYTES = 8 + 2 * _MOST_GROUPS

_Part = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int32]]


def wire_rows(batch: pa.RecordBatch, numerics: Collection[str]) -> RowBatch:
    """Return a batch as ``COPY … (FORMAT BINARY)`` would send it.

    Parameters
    ----------
    batch
        Columns of int64, boolean or string.
    numerics
        String columns that contain decimals without exponent (``-0.25``), with up to 20
        digits before the point and 18 after it, as the loader writes them.

    Returns
    -------
    RowBatch
        Columns of bigint, boolean, text and numeric.

    Raises
    ------
    ValueError
        A value is not such a decimal; the message names column and value.
    TypeError
        A column is of another type.
    """
    columns, parts = [], []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        oid, part = _encoded(name, array, name in numerics)
        columns.append(Column(name, oid, -1))
        parts.append(part)
    starts = np.empty((len(parts), batch.num_rows), dtype=np.int64)
    lengths = np.empty((len(parts), batch.num_rows), dtype=np.int32)
    offset = 0
    for row, (data, begins, sizes) in enumerate(parts):
        starts[row] = begins + offset
        lengths[row] = sizes
        offset += data.size
    data = np.concatenate([part[0] for part in parts])
    return RowBatch(tuple(columns), data, starts, lengths)


def _encoded(name: str, array: pa.Array, is_numeric: bool) -> tuple[int, _Part]:
    if is_numeric:
        return _NUMERIC, _numerics(name, array)
    if pa.types.is_string(array.type):
        return _TEXT, _texts(array)
    if pa.types.is_int64(array.type):
        values = array.fill_null(0).to_numpy(zero_copy_only=False)
        return _BIGINT, _fixed(array, values.astype(">i8").view(np.uint8), 8)
    if pa.types.is_boolean(array.type):
        flags = array.fill_null(False).to_numpy(zero_copy_only=False)
        return _BOOLEAN, _fixed(array, flags.astype(np.uint8), 1)
    raise TypeError(f"column {name!r} is {array.type}")


def _fixed(array: pa.Array, data: npt.NDArray[np.uint8], width: int) -> _Part:
    begins = np.arange(len(array), dtype=np.int64) * width
    sizes = np.full(len(array), width, dtype=np.int32)
    sizes[_nulls(array)] = -1
    return data, begins, sizes


def _texts(array: pa.Array) -> _Part:
    _, offsets, data = array.buffers()
    bounds = np.frombuffer(offsets, np.int32, len(array) + 1, 4 * array.offset)
    sizes = np.diff(bounds)
    sizes[_nulls(array)] = -1
    first, last = int(bounds[0]), int(bounds[-1])
    # An array without text has no data buffer.
    content = np.frombuffer(data or b"", np.uint8)[first:last]
    return content, bounds[:-1].astype(np.int64) - first, sizes


def _numerics(name: str, array: pa.Array) -> _Part:
    data, begins, sizes = _texts(array)
    slots = np.zeros(len(array) * _NUMERIC_BYTES, dtype=np.uint8)
    written = np.empty(len(array), dtype=np.int32)
    bad = encode_numerics(data, begins, sizes, slots, written)
    if bad >= 0:
        value = array[bad].as_py()
        raise ValueError(f"column {name!r}: {value!r} is not a plain decimal")
    return slots, np.arange(len(array), dtype=np.int64) * _NUMERIC_BYTES, written


def _nulls(array: pa.Array) -> npt.NDArray[np.bool_]:
    return np.asarray(array.is_null().to_numpy(zero_copy_only=False))


@compiled
def encode_numerics(
    data: Any, starts: Any, lengths: Any, slots: Any, written: Any
) -> int:
    """Encode decimal texts as binary numerics, each in its own slot.

    ``slots`` has `_NUMERIC_BYTES` zero bytes for each value. ``written`` receives the
    length of each value, -1 for NULL. Returns the first row that is not a decimal, or
    -1.
    """
    for row in range(starts.size):
        written[row] = lengths[row]
        if lengths[row] < 0:
            continue
        begin = starts[row]
        end = begin + lengths[row]
        is_negative = begin < end and data[begin] == ord("-")
        if begin < end and (is_negative or data[begin] == ord("+")):
            begin += 1
        point = begin
        while point < end and data[point] != ord("."):
            point += 1
        decimals = max(end - point - 1, 0)
        before = (point - begin + 3) // 4
        groups = before + (decimals + 3) // 4
        if groups == 0 or groups > _MOST_GROUPS:
            return int(row)
        slot = row * _NUMERIC_BYTES
        weight = before - 1
        digits = 0  # groups written
        kept = 0  # groups up to the last that is not zero
        for group in range(groups):
            # A place of the text for each of the four digits; none is a zero.
            at = point + 4 * (group - before) + (1 if group >= before else 0)
            value = 0
            for place in range(at, at + 4):
                value *= 10
                if begin <= place < end:
                    if not ord("0") <= data[place] <= ord("9"):
                        return int(row)
                    value += data[place] - ord("0")
            if digits == 0 and value == 0:
                weight -= 1
                continue
            slots[slot + 8 + 2 * digits] = value >> 8
            slots[slot + 9 + 2 * digits] = value & 255
            digits += 1
            if value > 0:
                kept = digits
        if kept == 0:
            weight = 0
        slots[slot + 1] = kept
        slots[slot + 2] = (weight >> 8) & 255
        slots[slot + 3] = weight & 255
        slots[slot + 4] = 0x40 if is_negative and kept > 0 else 0
        slots[slot + 7] = decimals
        written[row] = 8 + 2 * kept
    return -1
