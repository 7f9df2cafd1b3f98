"""Powers of ten, and the limit of amounts in 64 bits.

A key's fills are scaled to the finest decimals of the key so far, with one scale each
for sizes, prices and dollars. If an upper bound, computed in floating point, does not
fit in 64 bits, the key is marked and folded with Python integers.
"""

from __future__ import annotations

import numpy as np

#: Amounts stay below this: sums and products of the fold cannot overflow.
SAFE = float(1 << 61)
POWERS = np.array([10**i for i in range(19)], dtype=np.int64)
FLOAT_POWERS = 10.0 ** np.arange(-40, 41)
#: Where 10**0 is among `FLOAT_POWERS`.
ZERO_POWER = 40
