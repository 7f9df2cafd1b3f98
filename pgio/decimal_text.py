"""Write decimals as text, each value at its own scale."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pgio.compiled import compiled

_MINUS, _POINT, _ZERO = b"-.0"
#: Digits of the longest 64-bit integer.
_DIGITS = 19


def plain_text(array: pa.Array) -> pa.Array:
    """Write decimals without trailing zeros, in the form of PostgreSQL's numeric.

    Parameters
    ----------
    array
        decimal128 or decimal256, of any scale; nulls stay null.

    Returns
    -------
    pyarrow.Array
        Strings: 1.500 becomes ``1.5``, 0.000 ``0``.
    """
    if len(array) and pa.types.is_decimal128(array.type) and array.type.scale >= 0:
        text = _short_text(array)
        if text is not None:
            return text
    return _any_text(array)


def _short_text(array: pa.Array) -> pa.Array | None:
    """Write decimals whose digits fit in 64 bits; None if some do not."""
    scale = array.type.scale
    words = np.frombuffer(array.buffers()[1], dtype=np.int64).reshape(-1, 2)
    words = words[array.offset : array.offset + len(array)]
    is_null = array.is_null().to_numpy(zero_copy_only=False)
    offsets = np.empty(len(array) + 1, dtype=np.int32)
    # A sign, a point and a zero before it.
    content = np.empty(len(array) * (max(_DIGITS, scale) + 3), dtype=np.uint8)
    used = _write_short(words, is_null, scale, offsets, content)
    if used < 0:
        return None
    return pa.Array.from_buffers(
        pa.string(),
        len(array),
        [
            pa.py_buffer(np.packbits(~is_null, bitorder="little")),
            pa.py_buffer(offsets),
            pa.py_buffer(content[:used]),
        ],
    )


@compiled
def _write_short(
    words: Any, is_null: Any, scale: int, offsets: Any, content: Any
) -> Any:
    """Write values and their starts; return the bytes used, -1 if one is too long."""
    at = 0
    offsets[0] = 0
    for row in range(is_null.size):
        if is_null[row]:
            offsets[row + 1] = at
            continue
        value = words[row, 0]
        if words[row, 1] != value >> 63:
            return -1
        rest = np.uint64(-value if value < 0 else value)
        decimals = scale if rest != 0 else 0
        while decimals >= 4 and rest % np.uint64(10_000) == 0:
            rest //= np.uint64(10_000)
            decimals -= 4
        while decimals > 0 and rest % np.uint64(10) == 0:
            rest //= np.uint64(10)
            decimals -= 1
        digits = 1
        left = rest // np.uint64(10)
        while left != 0:
            left //= np.uint64(10)
            digits += 1
        digits = max(digits, decimals + 1)
        if value < 0:
            content[at] = _MINUS
            at += 1
        at += digits + (1 if decimals > 0 else 0)
        place = at
        for digit in range(digits):
            if digit == decimals and decimals > 0:
                place -= 1
                content[place] = _POINT
            place -= 1
            content[place] = np.uint64(_ZERO) + rest % np.uint64(10)
            rest //= np.uint64(10)
        offsets[row + 1] = at
    return at


def _any_text(array: pa.Array) -> pa.Array:
    text = pc.cast(array, pa.string())
    if array.type.scale <= 0:
        return text
    plain = pc.ascii_rtrim(pc.ascii_rtrim(text, "0"), ".")
    has_exponent = pc.match_substring(text, "E")  # of the very small, and of zero
    is_zero = pc.equal(array, pa.scalar(0, array.type))
    return pc.if_else(is_zero, "0", pc.if_else(has_exponent, text, plain))
