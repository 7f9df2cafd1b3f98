"""Compiled decoders of PostgreSQL's binary values, one column at a time.

Every function takes the bytes of a batch and the places of one column's values
(:class:`pgio.binary_rows.RowBatch`), writes into arrays it is given, and runs without
the interpreter's lock. Values are big-endian. NULLs (length -1) leave zero behind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pgio.compiled import compilable, compiled

#: Results of a decoder of numerics.
OK, NOT_FINITE, TOO_LONG, TOO_PRECISE = 0, 1, 2, 3

_NUMERIC_NEGATIVE = 0x4000
_NUMERIC_NOT_FINITE = 0xC000
#: A numeric's digits begin after four 16-bit fields; each is worth 0…9999.
_NUMERIC_DIGITS = 8

#: Mantissas stay below this, so that adding two of them cannot overflow.
MANTISSA_LIMIT = 1 << 62


@compilable
def _int16(data: Any, at: int) -> Any:
    value = (np.int64(data[at]) << 8) | np.int64(data[at + 1])
    return value - 65536 if value >= 32768 else value


@compilable
def _int32(data: Any, at: int) -> Any:
    value = np.int64(0)
    for i in range(4):
        value = (value << 8) | np.int64(data[at + i])
    return value - 4294967296 if value >= 2147483648 else value


@compilable
def _int64(data: Any, at: int) -> Any:
    value = np.int64(0)
    for i in range(8):
        value = (value << 8) | np.int64(data[at + i])
    return value


@compiled
def locate_fields(data: Any, starts: Any, lengths: Any) -> bool:
    """Fill ``starts`` and ``lengths``; False if the rows do not have these columns."""
    columns, rows = starts.shape
    at = 0
    for row in range(rows):
        if at + 2 > data.size or _int16(data, at) != columns:
            return False
        at += 2
        for column in range(columns):
            if at + 4 > data.size:
                return False
            length = _int32(data, at)
            at += 4
            starts[column, row] = at
            lengths[column, row] = length
            if length > 0:
                at += length
    return bool(at == data.size)


@compiled
def decode_integers(data: Any, starts: Any, lengths: Any, out: Any) -> None:
    """Decode values of 1, 2, 4 or 8 bytes into ``int64`` (floats: their bits)."""
    for row in range(starts.size):
        length = lengths[row]
        if length == 8:
            out[row] = _int64(data, starts[row])
        elif length == 4:
            out[row] = _int32(data, starts[row])
        elif length == 2:
            out[row] = _int16(data, starts[row])
        elif length == 1:
            out[row] = data[starts[row]]
        else:
            out[row] = 0


@compiled
def copy_bytes(data: Any, starts: Any, lengths: Any, skip: int, out: Any) -> None:
    """Concatenate the values, each without its first ``skip`` bytes."""
    at = 0
    for row in range(starts.size):
        for i in range(starts[row] + skip, starts[row] + lengths[row]):
            out[at] = data[i]
            at += 1


@compiled
def decode_scaled(
    data: Any, starts: Any, lengths: Any, mantissas: Any, scales: Any
) -> int:
    """Decode numerics as ``mantissa * 10**-scale``, without trailing zeros.

    A value whose mantissa does not fit in 62 bits gets scale -1. Returns the first row
    that is NaN or infinite, or -1.
    """
    for row in range(starts.size):
        mantissas[row] = 0
        scales[row] = 0
        if lengths[row] < 0:
            continue
        at = starts[row]
        digits = _int16(data, at)
        weight = _int16(data, at + 2)
        sign = _int16(data, at + 4) & 0xFFFF
        if sign & _NUMERIC_NOT_FINITE == _NUMERIC_NOT_FINITE:
            return int(row)
        value = np.int64(0)
        fits = True
        scale = max(4 * (digits - 1 - weight), 0)
        for i in range(max(digits, weight + 1)):
            digit = np.int64(0)
            factor = 10000
            if i < digits:
                digit = _int16(data, at + _NUMERIC_DIGITS + 2 * i)
            if i == digits - 1 and digit > 0:
                # The last group of decimals; trailing zeros are dropped.
                while scale > 0 and digit % 10 == 0:
                    digit //= 10
                    factor //= 10
                    scale -= 1
            if value > (MANTISSA_LIMIT - 1 - digit) // factor:
                fits = False
                break
            value = value * factor + digit
        if not fits or scale > 36:
            scales[row] = -1
            continue
        mantissas[row] = -value if sign & _NUMERIC_NEGATIVE else value
        scales[row] = scale
    return -1


@compilable
def times_plus(high: Any, low: Any, factor: Any, addend: Any) -> Any:
    """Return ``(high, low) * factor + addend`` and whether 127 bits were enough."""
    mask = np.uint64(0xFFFFFFFF)
    half = np.uint64(32)
    part0 = (low & mask) * factor + addend
    part1 = (low >> half) * factor + (part0 >> half)
    part2 = (high & mask) * factor + (part1 >> half)
    part3 = (high >> half) * factor + (part2 >> half)
    fits = part3 < np.uint64(0x80000000)
    return (part3 << half) | (part2 & mask), (part1 << half) | (part0 & mask), fits


@compiled
def decode_decimals(
    data: Any, starts: Any, lengths: Any, scale: int, limit: Any, out: Any
) -> Any:
    """Decode numerics into 128-bit integers at ``scale``, ``out`` being (rows, 2).

    ``limit`` is (high, low) of the first magnitude with too many digits. Returns
    (row, reason) of the first value that does not fit, or (-1, ``OK``).
    """
    for row in range(starts.size):
        out[row, 0] = 0
        out[row, 1] = 0
        if lengths[row] < 0:
            continue
        at = starts[row]
        digits = _int16(data, at)
        weight = _int16(data, at + 2)
        sign = _int16(data, at + 4) & 0xFFFF
        if sign & _NUMERIC_NOT_FINITE == _NUMERIC_NOT_FINITE:
            return row, NOT_FINITE
        high = np.uint64(0)
        low = np.uint64(0)
        exponent = 4 * weight + scale
        for i in range(digits):
            digit = _int16(data, at + _NUMERIC_DIGITS + 2 * i)
            factor = 10000
            # The last group of four may reach below the scale.
            exponent = 4 * (weight - i) + scale
            while exponent < 0 and factor > 1:
                if digit % 10 != 0:
                    return row, TOO_PRECISE
                digit //= 10
                factor //= 10
                exponent += 1
            if exponent < 0 and digit != 0:
                return row, TOO_PRECISE
            high, low, fits = times_plus(high, low, np.uint64(factor), np.uint64(digit))
            if not fits:
                return row, TOO_LONG
        while digits > 0 and exponent > 0:
            high, low, fits = times_plus(high, low, np.uint64(10), np.uint64(0))
            if not fits:
                return row, TOO_LONG
            exponent -= 1
        if high > limit[0] or (high == limit[0] and low >= limit[1]):
            return row, TOO_LONG
        if sign & _NUMERIC_NEGATIVE:
            low = ~low + np.uint64(1)
            high = ~high + np.uint64(1 if low == 0 else 0)
        out[row, 0] = low
        out[row, 1] = high
    return -1, OK
