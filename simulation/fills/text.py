"""Numbers to text at millions a second, as Arrow string arrays."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.compiled import compiled
from simulation.fills.arithmetic import scramble

# A sign, nineteen digits, a point and a leading zero.
_DECIMAL_WIDTH = 24


@compiled
def _print_decimals(
    values: npt.NDArray[np.int64],
    decimals: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int32],
    text: npt.NDArray[np.uint8],
) -> int:
    digits = np.empty(32, dtype=np.uint8)
    end = 0
    for i in range(len(values)):
        value = values[i]
        places = decimals[i]
        if value < 0:
            text[end] = 45
            end += 1
            value = -value
        count = 0
        while value > 0 or count <= places:
            digits[count] = 48 + value % 10
            value //= 10
            count += 1
        for digit in range(count - 1, places - 1, -1):
            text[end] = digits[digit]
            end += 1
        text[end] = 46
        end += 1
        last = 0
        while last < places and digits[last] == 48:
            last += 1
        if last == places:
            text[end] = 48
            end += 1
        for digit in range(places - 1, last - 1, -1):
            text[end] = digits[digit]
            end += 1
        offsets[i + 1] = end
    return end


def decimal_text(
    values: npt.NDArray[np.int64], decimals: npt.NDArray[np.int64]
) -> pa.StringArray:
    """Print scaled integers as the exchange prints numbers.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)
    decimals : ndarray of int64, shape (n,)
        How many of a value's digits stand behind the point.

    Returns
    -------
    StringArray
        No exponent, no trailing zeros, at least one digit behind the point: `0.05`,
        `-12.0`.
    """
    count = len(values)
    offsets = np.zeros(count + 1, dtype=np.int32)
    text = np.empty(count * _DECIMAL_WIDTH, dtype=np.uint8)
    end = _print_decimals(
        np.ascontiguousarray(values, dtype=np.int64),
        np.ascontiguousarray(decimals, dtype=np.int64),
        offsets,
        text,
    )
    return _strings(offsets, text[:end])


@compiled
def _print_hashes(
    numbers: npt.NDArray[np.int64],
    salt: np.uint64,
    words: int,
    text: npt.NDArray[np.uint8],
) -> None:
    end = 0
    for i in range(len(numbers)):
        text[end] = 48
        text[end + 1] = 120
        end += 2
        for word in range(words):
            bits = np.uint64(0)
            if numbers[i] != 0:
                seed = np.uint64(numbers[i] * 8 + word)
                bits = scramble(scramble(seed ^ salt) + np.uint64(0x9E3779B97F4A7C15))
            for nibble in range(15, -1, -1):
                digit = (bits >> np.uint64(4 * nibble)) & np.uint64(15)
                code = np.uint8(digit)
                text[end] = code + 48 if code < 10 else code + 87
                end += 1


def hash_text(numbers: npt.NDArray[np.int64], seed: int, words: int) -> pa.StringArray:
    """Print hashes of numbers: `0x` and 16 hexadecimal digits for each word.

    Parameters
    ----------
    numbers : ndarray of int64, shape (n,)
        Equal numbers give equal hashes; 0 gives all zeros.
    seed : int
        Another seed gives other hashes.
    words : int
        Length in units of 64 bits.

    Returns
    -------
    StringArray
    """
    width = 2 + 16 * words
    text = np.empty(len(numbers) * width, dtype=np.uint8)
    salt = np.uint64((seed * 0x9E3779B1 + words) % 2**64)
    _print_hashes(np.ascontiguousarray(numbers, dtype=np.int64), salt, words, text)
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * np.int32(width)
    return _strings(offsets, text)


def null_where(mask: npt.NDArray[np.bool_], values: pa.Array) -> pa.Array:
    """Replace values by null where the mask is true."""
    return pc.if_else(pa.array(mask), pa.scalar(None, values.type), values)


def _strings(
    offsets: npt.NDArray[np.int32], text: npt.NDArray[np.uint8]
) -> pa.StringArray:
    array = pa.StringArray.from_buffers(
        len(offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(text)
    )
    return cast(pa.StringArray, array)
