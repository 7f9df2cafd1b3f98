"""Decimals of a fixed scale: exact sums, and the nearest double of each.

The server converts a numeric to a double through its decimal text, and adds numerics
digit by digit; this was most of the time for reading daily sums. Here both are integer
arithmetic on the 128-bit words of an Arrow decimal, with exactly the same result.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.compiled import compilable, compiled

Words = npt.NDArray[np.uint64]
"""128-bit integers in two's complement, shape (k, 2): low half, high half."""

DECIMAL = pa.decimal128(38, 18)
"""What the server's numerics are read as."""

_EXACT = np.uint64(1 << 53)
_LIMB = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_POWERS = np.array([10**i for i in range(DECIMAL.scale + 1)], np.uint64)


def to_words(column: pa.ChunkedArray | pa.Array) -> Words:
    """Return the integers behind a column of `DECIMAL`, shape (rows, 2); NULL is 0.

    Raises
    ------
    TypeError
        If the column is of another type.
    """
    if column.type != DECIMAL:
        raise TypeError(f"{DECIMAL} is expected here, not {column.type}")
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if array.null_count:
        array = pc.fill_null(array, pa.scalar(0, DECIMAL))
    words = np.frombuffer(array.buffers()[1], np.uint64).reshape(-1, 2)
    return words[array.offset : array.offset + len(array)]


def to_decimals(words: Words) -> pa.Array:
    """Return integers as an array of `DECIMAL`.

    Raises
    ------
    pyarrow.ArrowInvalid
        If one has more than 38 digits.
    """
    buffer = pa.py_buffer(np.ascontiguousarray(words))
    array = pa.Array.from_buffers(DECIMAL, len(words), [None, buffer])
    array.validate(full=True)
    return array


def nearest_floats(words: Words) -> npt.NDArray[np.float64]:
    """Return the double nearest to each decimal, ties to even, shape (k,).

    A mantissa below 2**53 and a power of ten up to 10**22 are doubles, and their
    quotient is rounded once (Clinger 1990, "How to Read Floating Point Numbers
    Accurately"). The few values with more digits are parsed from their text.
    """
    floats = np.empty(len(words))
    _divide(words, DECIMAL.scale, floats)
    long = np.flatnonzero(np.isnan(floats))
    if len(long):
        texts = to_decimals(words[long]).cast(pa.string())
        floats[long] = texts.cast(pa.float64()).to_numpy()
    return floats


def sum_by(
    groups: npt.NDArray[np.int64],
    count: int,
    words: Words,
    *,
    of_absolute: bool = False,
) -> Words:
    """Add up the integers of each group, or their absolute values.

    Parameters
    ----------
    groups : array of int64, shape (k,)
        Number of the group of each row, from 0.
    count : int
        How many groups there are.
    words : array of uint64, shape (k, 2)
        What is added up.
    of_absolute : bool
        Leave the sign out.

    Returns
    -------
    array of uint64, shape (count, 2)
        The sums; 0 for a group without rows.
    """
    sums = np.zeros((count, 2), np.uint64)
    _add(groups, words, of_absolute, sums)
    return sums


def sum_spans(
    words: Words, begin: npt.NDArray[np.int64], end: npt.NDArray[np.int64]
) -> Words:
    """Add up the integers of spans of rows, which may overlap.

    Parameters
    ----------
    words : array of uint64, shape (k, 2)
        What is added up.
    begin, end : array of int64, shape (spans,)
        The first row of each span, and the one after its last.

    Returns
    -------
    array of uint64, shape (spans, 2)
        The sums; 0 for a span without rows.
    """
    # Sums up to each row, in four limbs of 32 bits that cannot overflow 64.
    limbs = np.ascontiguousarray(words).view(np.uint32).reshape(-1, 4)
    sums = np.zeros((len(limbs) + 1, 4), np.uint64)
    np.cumsum(limbs, axis=0, out=sums[1:])
    parts = sums[end] - sums[begin]
    for number in range(3):
        parts[:, number + 1] += parts[:, number] >> _HALF
    return parts.astype(np.uint32).view(np.uint64)


@compilable
def _negated(low: Any, high: Any) -> Any:
    low = ~low + np.uint64(1)
    return low, ~high + np.uint64(1 if low == 0 else 0)


@compilable
def _divided(low: Any, high: Any, divisor: Any) -> Any:
    """Return quotient (low, high) and remainder; the divisor is below 2**32."""
    three = high >> _HALF
    q3 = three // divisor
    rest = ((three - q3 * divisor) << _HALF) | (high & _LIMB)
    q2 = rest // divisor
    rest = ((rest - q2 * divisor) << _HALF) | (low >> _HALF)
    q1 = rest // divisor
    rest = ((rest - q1 * divisor) << _HALF) | (low & _LIMB)
    q0 = rest // divisor
    return (q1 << _HALF) | q0, (q3 << _HALF) | q2, rest - q0 * divisor


@compiled
def _add(groups: Any, words: Any, of_absolute: bool, sums: Any) -> None:
    for row in range(groups.size):
        low, high = words[row, 0], words[row, 1]
        if of_absolute and high >> np.uint64(63):
            low, high = _negated(low, high)
        group = groups[row]
        total = sums[group, 0] + low
        sums[group, 1] += high + np.uint64(1 if total < low else 0)
        sums[group, 0] = total


@compiled
def _divide(words: Any, scale: int, floats: Any) -> None:
    """Write the nearest doubles, NaN where a mantissa has more than 53 bits."""
    for row in range(floats.size):
        low, high = words[row, 0], words[row, 1]
        is_negative = bool(high >> np.uint64(63))
        if is_negative:
            low, high = _negated(low, high)
        decimals = scale
        # Remove trailing zeros, by halves, until the mantissa fits or none is left.
        zeros = 8
        while zeros > 0 and (high > 0 or low > _EXACT):
            if decimals >= zeros:
                less, more, rest = _divided(low, high, _POWERS[zeros])
                if rest == 0:
                    low, high = less, more
                    decimals -= zeros
                    continue
            zeros //= 2
        if high > 0 or low > _EXACT:
            floats[row] = np.nan
            continue
        value = np.float64(low) / np.float64(_POWERS[decimals])
        floats[row] = -value if is_negative else value
