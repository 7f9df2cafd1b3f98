"""Powers of ten, and what is safe in 64 bits.

A key's fills are scaled to the finest decimals the key has had: sizes to one scale,
prices to another, dollars to a third. What might not fit in 64 bits, by an upper bound
taken in floating point, is marked and folded with Python's integers instead.
"""

from __future__ import annotations

import numpy as np

#: Amounts stay below this: sums and products of the fold cannot overflow.
SAFE = float(1 << 61)
POWERS = np.array([10**i for i in range(19)], dtype=np.int64)
FLOAT_POWERS = 10.0 ** np.arange(-40, 41)
#: Where 10**0 is among `FLOAT_POWERS`.
ZERO_POWER = 40
