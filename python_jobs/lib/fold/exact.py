"""Exact integer arithmetic for compiled and plain code: division, 128-bit decimals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import overload

from pgio.binary_kernels import times_plus
from pgio.compiled import compiled

_SMALL_DIVISOR = 1 << 51


def mul_div(a: Any, b: Any, c: Any) -> Any:
    """Return ``a * b // c`` for ``a, b >= 0`` and ``c > 0``, for any size of product.

    In compiled code, arguments and result must be below 2**62; the product may be
    larger.
    """
    return a * b // c


@overload(mul_div)  # type: ignore[untyped-decorator]
def _mul_div_64(a: Any, b: Any, c: Any) -> Any:
    def divide(a: Any, b: Any, c: Any) -> Any:
        if float(a) * float(b) < 4e18:
            return a * b // c
        if c < _SMALL_DIVISOR:
            # The floating-point quotient is wrong by at most 2**11. So the remainder of
            # the product fits in 64 bits, and wrapping arithmetic gives it exactly.
            guess = np.int64(float(a) * float(b) / float(c))
            rest = np.uint64(a) * np.uint64(b) - np.uint64(guess) * np.uint64(c)
            return guess + np.int64(rest) // c
        # Long multiplication by the bits of b, reduced modulo c on the way.
        part = a % c
        high = 0
        left = 0
        for bit in range(62, -1, -1):
            high += high
            left += left
            if left >= c:
                left -= c
                high += 1
            if (b >> bit) & 1:
                left += part
                if left >= c:
                    left -= c
                    high += 1
        return (a // c) * b + high

    return divide


@compiled
def widen(values: Any, steps: Any, out: Any) -> None:
    """Write ``values * 10**steps`` as 128-bit integers, ``out`` being (rows, 2)."""
    for row in range(values.size):
        value = values[row]
        low = np.uint64(-value if value < 0 else value)
        high = np.uint64(0)
        for _ in range(steps[row]):
            high, low, _fits = times_plus(high, low, np.uint64(10), np.uint64(0))
        if value < 0:
            low = ~low + np.uint64(1)
            high = ~high + np.uint64(1 if low == 0 else 0)
        out[row, 0] = low
        out[row, 1] = high
