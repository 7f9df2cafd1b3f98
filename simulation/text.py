"""Fast conversion of columns of numbers to columns of text."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.compiled import compiled
from simulation.noise import scramble

Ints = npt.NDArray[np.int64]

# A sign, nineteen digits, a point and a leading zero.
_WIDTH = 24
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


@compiled
def _print(
    values: Ints,
    places: Ints,
    is_short: bool,
    offsets: npt.NDArray[np.int32],
    text: npt.NDArray[np.uint8],
) -> int:
    digits = np.empty(32, dtype=np.uint8)
    end = 0
    for i in range(len(values)):
        value = values[i]
        if value < 0:
            text[end] = 45
            end += 1
            value = -value
        count = 0
        while value > 0 or count <= places[i]:
            digits[count] = 48 + value % 10
            value //= 10
            count += 1
        last = 0
        while is_short and last < places[i] - 1 and digits[last] == 48:
            last += 1
        for digit in range(count - 1, last - 1, -1):
            text[end] = digits[digit]
            end += 1
            if digit == places[i] and digit > 0:
                text[end] = 46
                end += 1
        if is_short and places[i] == 0:
            text[end], text[end + 1] = 46, 48
            end += 2
        offsets[i + 1] = end
    return end


def _printed(values: Ints, places: Ints | int, is_short: bool) -> pa.StringArray:
    offsets = np.zeros(len(values) + 1, dtype=np.int32)
    text = np.empty(len(values) * _WIDTH, dtype=np.uint8)
    values = np.ascontiguousarray(values, dtype=np.int64)
    widths = np.ascontiguousarray(np.broadcast_to(places, values.shape), dtype=np.int64)
    end = _print(values, widths, is_short, offsets, text)
    return _strings(offsets, text[:end])


def decimal_text(values: Ints, places: Ints | int) -> pa.StringArray:
    """Print scaled integers without trailing zeros: `0.05`, `-12.0`.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
    places : int or ndarray of int64, shape (n,)
        How many of a value's digits stand behind the point; one is always printed.
    """
    return _printed(values, places, True)


def fixed_text(values: Ints, places: int) -> pa.StringArray:
    """Print scaled integers with all digits behind the point: `0.00050000`."""
    return _printed(values, places, False)


def integer_text(values: Ints) -> pa.StringArray:
    """Print integers."""
    return _printed(values, 0, False)


def time_text(times: Ints, unit: str) -> pa.StringArray:
    """Print times since the epoch as ``2025-07-01T00:00:00.123456``.

    Parameters
    ----------
    times : ndarray of int64
    unit : {"s", "us", "ns"}
        Of the times, and the last digit printed.
    """
    text = pa.array(times).cast(pa.timestamp(unit)).cast(pa.string())
    return pc.binary_replace_slice(text, 10, 11, "T")


def hash_text(numbers: Ints, seed: int, words: int) -> pa.StringArray:
    """Print hashes of numbers: `0x` and 16 hexadecimal digits for each word.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Equal numbers give equal hashes; 0 gives all zeros.
    seed : int
        Another seed gives other hashes.
    words : int
        Length in units of 64 bits.
    """
    key = numbers[:, None] * 8 + np.arange(words)
    salt = np.uint64((seed * 0x9E3779B1 + words) % 2**64)
    bits = scramble(scramble(key) ^ salt) * (numbers != 0)[:, None]
    octets = np.ascontiguousarray(bits, dtype=">u8").view(np.uint8)
    text = np.empty((len(numbers), 2 + 16 * words), dtype=np.uint8)
    text[:, :2] = np.frombuffer(b"0x", np.uint8)
    text[:, 2::2] = _HEX[octets >> 4]
    text[:, 3::2] = _HEX[octets & 15]
    ends = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(text.shape[1])
    return _strings(ends, text)


def join(*pieces: Any) -> pa.Array:
    """Put text columns and constants side by side; null where a piece is null."""
    return pc.binary_join_element_wise(*pieces, "")


def filled(line: str, column: Callable[[str], Any]) -> pa.Array:
    """Put columns where their `<names>` stand in a line.

    Parameters
    ----------
    line : str
    column : callable
        Makes the StringArray of a name, or a text that is the same in all lines.
    """
    pieces = re.split("<([A-Za-z0-9_]+)>", line)
    return join(*(column(p) if i % 2 else p for i, p in enumerate(pieces)))


def pick(choices: list[str], index: npt.NDArray[Any]) -> pa.Array:
    """Turn indices into one of a few texts."""
    return pa.array(choices).take(pa.array(index.astype(np.int8)))


def null_where(mask: npt.NDArray[np.bool_], values: pa.Array) -> pa.Array:
    """Replace values by null where the mask is true."""
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def lines_buffer(lines: pa.Array) -> memoryview:
    """Return the texts of an array one after another, without copying."""
    if len(lines) == 0:
        return memoryview(b"")
    ends = np.frombuffer(lines.buffers()[1], dtype=np.int32)
    first, last = ends[lines.offset], ends[lines.offset + len(lines)]
    return memoryview(lines.buffers()[2])[first:last]


def _strings(
    offsets: npt.NDArray[np.int32], text: npt.NDArray[np.uint8]
) -> pa.StringArray:
    array = pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text)
    )
    return cast(pa.StringArray, array)
