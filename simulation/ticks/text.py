"""Columns of numbers and times to text, and lines to bytes."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.compiled import compiled

_WIDTH = 22


@compiled
def _print_fixed(
    values: npt.NDArray[np.int64],
    places: int,
    offsets: npt.NDArray[np.int32],
    text: npt.NDArray[np.uint8],
) -> int:
    digits = np.empty(32, dtype=np.uint8)
    end = 0
    for i in range(len(values)):
        value = values[i]
        count = 0
        while value > 0 or count <= places:
            digits[count] = 48 + value % 10
            value //= 10
            count += 1
        for digit in range(count - 1, -1, -1):
            text[end] = digits[digit]
            end += 1
            if digit == places and places > 0:
                text[end] = 46
                end += 1
        offsets[i + 1] = end
    return end


def fixed_text(values: npt.NDArray[np.int64], places: int) -> pa.StringArray:
    """Print scaled integers with a fixed number of digits behind the point.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
        Not negative, below 10 ** 18.
    places : int
        How many of a value's digits stand behind the point; all of them are printed.

    Returns
    -------
    StringArray
        ``0.00050000`` for 50,000 and 8 places; no point when there are none.
    """
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    text = np.empty(len(values) * _WIDTH, dtype=np.uint8)
    end = _print_fixed(
        np.ascontiguousarray(values, dtype=np.int64), places, offsets, text
    )
    return cast(
        pa.StringArray,
        pa.StringArray.from_buffers(
            len(values), pa.py_buffer(offsets), pa.py_buffer(text[:end])
        ),
    )


def integer_text(values: npt.NDArray[np.int64]) -> pa.StringArray:
    """Print integers that are not negative."""
    return fixed_text(values, 0)


def time_text(microseconds: npt.NDArray[np.int64]) -> pa.StringArray:
    """Print times since the epoch as ``2025-07-01T00:00:00.123456Z``."""
    text = pa.array(microseconds).cast(pa.timestamp("us")).cast(pa.string())
    return join(pc.binary_replace_slice(text, 10, 11, "T"), "Z")


def join(*pieces: Any) -> pa.Array:
    """Put text columns and constants side by side."""
    return pc.binary_join_element_wise(*pieces, "")


def pick(choices: list[str], index: npt.NDArray[Any]) -> pa.Array:
    """Turn indices into one of a few texts."""
    return pa.array(choices).take(pa.array(index.astype(np.int8)))


def lines_buffer(lines: pa.Array) -> memoryview:
    """Return the texts of an array one after another, without copying."""
    if len(lines) == 0:
        return memoryview(b"")
    ends = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = ends[lines.offset], ends[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[first:last]
