"""Integer arithmetic where the product has no room in 64 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgio.compiled import compiled
from python_jobs.lib.fold.exact import mul_div, widen

AMOUNT = st.one_of(
    st.integers(0, 2**61 - 1),
    st.integers(0, 61).flatmap(lambda bits: st.integers(0, 2**bits)),
)
BELOW_62_BITS = 2**62


@compiled
def divide(amount: Any, power: Any, size: Any) -> Any:
    return mul_div(amount, power, size)


@settings(max_examples=2000, deadline=None)
@given(AMOUNT, st.integers(0, 18), AMOUNT.filter(bool))
@example(2**61 - 1, 18, 2**61 - 1)
@example(2**61 - 1, 0, 1)
@example(2**61 - 1, 12, 2**51 - 1)
@example(2**61 - 1, 12, 2**51)
def test_division_is_exact(amount: int, power: int, size: int) -> None:
    expected = amount * 10**power // size
    if expected < BELOW_62_BITS:
        assert divide(amount, 10**power, size) == expected


@settings(max_examples=500, deadline=None)
@given(st.integers(-(2**61), 2**61), st.integers(0, 18))
def test_widening_is_exact(value: int, steps: int) -> None:
    out = np.empty((1, 2), dtype=np.uint64)
    widen(np.array([value]), np.array([steps]), out)
    low, high = int(out[0, 0]), int(out[0, 1])
    assert (high << 64 | low) == (value * 10**steps) % 2**128
