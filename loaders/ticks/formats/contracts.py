"""Inverse contracts, worth a fixed sum of dollars, as bitcoins at the trade's price."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.compiled import compiled

Integers = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]

#: Within these, everything below fits into 64 bits; nothing real comes near them.
MOST_CONTRACTS = 900_000_000
PRICE_PLACES = 8
LEAST_PRICE, MOST_PRICE = 1, 9_000_000_000

_VOLUME_PLACES = 12
#: Digits before the point (contracts of 100 USD at a price of 1), point and places.
_WIDTH = 11 + 1 + _VOLUME_PLACES


def inverse_volumes(contracts: Integers, prices: Integers, usd: int) -> pa.StringArray:
    """Write ``contracts * usd / price``, rounded half-even to 12 places, exactly.

    Parameters
    ----------
    contracts : ndarray of int64, shape (n,)
        1 to `MOST_CONTRACTS`.
    prices : ndarray of int64, shape (n,)
        Price × 10^8, of prices from `LEAST_PRICE` to `MOST_PRICE`.
    usd
        What one contract is worth, at most 100.
    """
    count = len(contracts)
    text = np.empty(count * _WIDTH, dtype=np.uint8)
    offsets = np.zeros(count + 1, dtype=np.int32)
    _divide(contracts, prices, usd, text, offsets)
    used = text[: offsets[-1]].copy()
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(used))


@compiled
def _divide(
    contracts: Integers,
    prices: Integers,
    usd: int,
    text: Bytes,
    offsets: npt.NDArray[np.int32],
) -> None:
    digits = np.empty(_WIDTH, dtype=np.uint8)
    end = 0
    for row in range(len(contracts)):
        price = prices[row]
        dividend = contracts[row] * usd * 100_000_000
        whole = np.int64(dividend // price)
        rest = np.int64(dividend % price)
        fraction = np.int64(0)
        # Long division: the remainder times ten still fits, the dividend would not.
        for _ in range(_VOLUME_PLACES):
            rest *= 10
            fraction = fraction * 10 + rest // price
            rest %= price
        if rest * 2 > price or (rest * 2 == price and fraction % 2 == 1):
            fraction += 1
            if fraction == 1_000_000_000_000:
                fraction = np.int64(0)
                whole += 1
        for place in range(_VOLUME_PLACES - 1, -1, -1):
            digits[place] = 48 + fraction % 10
            fraction //= 10
        before = _VOLUME_PLACES
        while True:
            digits[before] = 48 + whole % 10
            whole //= 10
            before += 1
            if whole == 0:
                break
        for place in range(before - 1, _VOLUME_PLACES - 1, -1):
            text[end] = digits[place]
            end += 1
        text[end] = 46
        end += 1
        for place in range(_VOLUME_PLACES):
            text[end] = digits[place]
            end += 1
        offsets[row + 1] = end
