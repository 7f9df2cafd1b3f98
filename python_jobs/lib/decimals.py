"""From values with a scale each to integers of one scale per key, without losing any.

A key's fills are scaled to the finest decimals the key has had: sizes to one scale,
prices to another, dollars to a third. What might not fit in 64 bits, by an upper bound
taken in floating point, is marked and folded with Python's integers instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled

#: Amounts stay below this: sums and products of the fold cannot overflow.
SAFE = float(1 << 61)
POWERS = np.array([10**i for i in range(19)], dtype=np.int64)
FLOAT_POWERS = 10.0 ** np.arange(-40, 41)
_ZERO_POWER = 40

#: Columns of what `measure_keys` finds out about a key.
SIZE_SCALE, PX_SCALE, PNL_SCALE, FEE_SCALE = range(4)
SIZES, START, PX, PNL, FEES = range(5)


@compiled
def measure_keys(
    bounds: Any,
    order: Any,
    mantissas: Any,
    scales_of: Any,
    is_base_fee: Any,
    float_powers: Any,
    scales: Any,
    sums: Any,
) -> None:
    """Find each key's finest decimals and an upper bound of its amounts.

    Parameters
    ----------
    bounds, order
        ``(keys, 2)`` and rows, as in `fold_kernel.fold_keys`.
    mantissas, scales_of
        Five columns each: price, size, reported start, profit, fee of the fills.
    is_base_fee
        Whether the fee was taken in the coin itself.
    float_powers
        Powers of ten from 10**-40 on.
    scales
        ``(keys, 4)``, written: finest scale of sizes, prices, profits and fees; a
        value that is too long for a mantissa makes the first one -1.
    sums
        ``(keys, 5)``, written: sum of sizes, largest start and price, sums of profits
        and of fees in dollars, all absolute.
    """
    px, sz, start, pnl, fee = mantissas
    px_scale, sz_scale, start_scale, pnl_scale, fee_scale = scales_of
    for k in range(bounds.shape[0]):
        size_scale = price_scale = profit_scale = dollar_scale = 0
        sizes = starts = price = profits = fees = 0.0
        is_large = False
        for at in range(bounds[k, 0], bounds[k, 1]):
            i = order[at]
            is_large |= (
                px_scale[i] < 0
                or sz_scale[i] < 0
                or start_scale[i] < 0
                or pnl_scale[i] < 0
                or fee_scale[i] < 0
            )
            if is_large:
                break
            size_scale = max(size_scale, sz_scale[i], start_scale[i])
            price_scale = max(price_scale, px_scale[i])
            profit_scale = max(profit_scale, pnl_scale[i])
            this_px = abs(px[i]) * float_powers[40 - px_scale[i]]
            this_fee = abs(fee[i]) * float_powers[40 - fee_scale[i]]
            sizes += abs(sz[i]) * float_powers[40 - sz_scale[i]]
            starts = max(starts, abs(start[i]) * float_powers[40 - start_scale[i]])
            price = max(price, this_px)
            profits += abs(pnl[i]) * float_powers[40 - pnl_scale[i]]
            if is_base_fee[i]:
                size_scale = max(size_scale, fee_scale[i])
                sizes += this_fee
                fees += this_fee * this_px
            else:
                dollar_scale = max(dollar_scale, fee_scale[i])
                fees += this_fee
        scales[k, 0] = -1 if is_large else size_scale
        scales[k, 1] = price_scale
        scales[k, 2] = profit_scale
        scales[k, 3] = dollar_scale
        sums[k, 0] = sizes
        sums[k, 1] = starts
        sums[k, 2] = price
        sums[k, 3] = profits
        sums[k, 4] = fees


@compiled
def scale_fills(
    bounds: Any,
    order: Any,
    key_scales: Any,
    mantissas: Any,
    scales_of: Any,
    is_base_fee: Any,
    is_buy: Any,
    powers: Any,
    out: Any,
) -> None:
    """Scale the fills of keys to the scales of their key.

    ``key_scales`` is ``(keys, 3)``: sizes, prices, dollars. ``out`` is ``(5, rows)``:
    price, signed change of the position, reported start, profit, fee in dollars.
    """
    px, sz, start, pnl, fee = mantissas
    px_scale, sz_scale, start_scale, pnl_scale, fee_scale = scales_of
    for k in range(bounds.shape[0]):
        size_scale = key_scales[k, 0]
        price_scale = key_scales[k, 1]
        dollar_scale = key_scales[k, 2]
        for at in range(bounds[k, 0], bounds[k, 1]):
            i = order[at]
            price = px[i] * powers[price_scale - px_scale[i]]
            size = sz[i] * powers[size_scale - sz_scale[i]]
            change = size if is_buy[i] else -size
            if is_base_fee[i]:
                in_coin = fee[i] * powers[size_scale - fee_scale[i]]
                change -= in_coin
                paid = in_coin * price * powers[dollar_scale - size_scale - price_scale]
            else:
                paid = fee[i] * powers[dollar_scale - fee_scale[i]]
            out[0, i] = price
            out[1, i] = change
            out[2, i] = start[i] * powers[size_scale - start_scale[i]]
            out[3, i] = pnl[i] * powers[dollar_scale - pnl_scale[i]]
            out[4, i] = paid


def absolute(
    values: npt.NDArray[np.int64], scales: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return about the absolute value of ``values * 10**-scales``."""
    return np.asarray(np.abs(values) * FLOAT_POWERS[_ZERO_POWER - scales])
