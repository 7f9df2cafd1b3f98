"""Write the fills of a chunk as records sorted by key, one cache line each.

Reading a dozen columns in the order of keys would miss the CPU cache a dozen times per
fill. Here each column is read once, sequentially, and each fill is written once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.compiled import compilable, compiled
from python_jobs.lib.fold.decimals import FLOAT_POWERS, POWERS, ZERO_POWER
from python_jobs.lib.fold.fills import Fills
from python_jobs.lib.fold.kernel import (
    DELTA,
    FEE,
    FLAGS,
    HAS_PLACE,
    HAS_PNL,
    HAS_START,
    PNL,
    PX,
    ROW,
    START,
    TIME,
)

#: Further flags besides those of the kernel; the last marks a value without a mantissa.
IS_BASE_FEE, IS_LONG = 64, 128
#: The bits above the flags have the scales of `PX` … `FEE`, six bits each.
SCALE_BITS = 6
_FIRST_SCALE = 8


@compiled
def group_keys(codes: Any, numbers: Any, touched: Any) -> Any:
    """Assign numbers to the keys of a chunk, and count their rows.

    Parameters
    ----------
    codes
        ``(rows,)``: keys; replaced by numbers 0, 1, 2, … in order of first occurrence.
    numbers
        ``(all keys,)``, all -1, also at the end.
    touched
        Output, as long as there are rows: the key of each number.

    Returns
    -------
    (int, ndarray)
        Number of keys; and ``(rows + 1,)``: the first row of each key, and the end of
        the last, once rows are sorted by key.
    """
    starts = np.zeros(codes.size + 1, dtype=np.int64)
    count = 0
    for row in range(codes.size):
        key = codes[row]
        number = numbers[key]
        if number < 0:
            number = numbers[key] = count
            touched[count] = key
            count += 1
        codes[row] = number
        starts[number + 1] += 1
    for number in range(count):
        starts[number + 1] += starts[number]
        numbers[touched[number]] = -1
    return count, starts


def write_records(
    fills: Fills,
    codes: npt.NDArray[np.int64],
    by_time: npt.NDArray[np.int64],
    starts: npt.NDArray[np.int64],
    keys: tuple[int, int],
    records: npt.NDArray[np.int64],
) -> None:
    """Write the fills of some keys as records, in order of keys, then of time.

    Parameters
    ----------
    fills
        The chunk.
    codes
        ``(rows,)``: numbers of the fills' keys.
    by_time
        ``(rows,)``: rows in order of time, from `order_by_time`.
    starts
        First record of each key.
    keys
        First number and the one after the last; other threads may write other keys.
    records
        Output, ``(rows, RECORD_WIDTH)``; only records of these keys are written.
    """
    amounts = (fills.px, fills.size, fills.start, fills.pnl, fills.fee)
    first, end = keys
    _write_records(
        codes,
        by_time,
        first,
        end,
        starts[first:end].copy(),
        fills.time,
        fills.block,
        fills.event,
        fills.kind,
        fills.is_base_fee,
        fills.start.is_null,
        fills.pnl.is_null,
        tuple(amount.mantissa for amount in amounts),
        tuple(amount.scale for amount in amounts),
        records,
    )


def order_by_time(time: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the rows in order of time; rows of equal time keep their order."""
    if np.all(time[1:] >= time[:-1]):
        return np.arange(time.size)
    # Each load is mostly sorted; numpy's stable sort merges sorted stretches.
    return np.argsort(time, kind="stable")


@compiled
def _write_records(
    codes: Any,
    by_time: Any,
    first: int,
    end: int,
    free: Any,
    time: Any,
    block: Any,
    event: Any,
    kind: Any,
    is_base_fee: Any,
    no_start: Any,
    no_pnl: Any,
    mantissas: Any,
    scales: Any,
    records: Any,
) -> None:
    px, size, start, pnl, fee = mantissas
    px_scale, size_scale, start_scale, pnl_scale, fee_scale = scales
    for row in by_time:
        key = codes[row]
        if key < first or key >= end:
            continue
        at = free[key - first]
        free[key - first] = at + 1
        flags = np.int64(kind[row])
        flags |= 0 if no_start[row] else HAS_START
        flags |= 0 if no_pnl[row] else HAS_PNL
        flags |= HAS_PLACE if block[row] >= 0 and event[row] >= 0 else 0
        flags |= IS_BASE_FEE if is_base_fee[row] else 0
        packed = np.int64(0)
        for scale in (
            fee_scale[row], pnl_scale[row], start_scale[row], size_scale[row],
            px_scale[row],
        ):  # fmt: skip
            flags |= IS_LONG if scale < 0 else 0
            packed = (packed << SCALE_BITS) | (scale & 63)
        records[at, TIME] = time[row]
        records[at, PX] = px[row]
        records[at, DELTA] = size[row]
        records[at, START] = start[row]
        records[at, PNL] = pnl[row]
        records[at, FEE] = fee[row]
        records[at, FLAGS] = flags | (packed << _FIRST_SCALE)
        records[at, ROW] = row


@compilable
def measure_key(begin: int, end: int, records: Any) -> Any:
    """Find a key's finest decimals and an upper bound of its amounts.

    Parameters
    ----------
    begin, end, records
        The key's records are ``begin:end``.

    Returns
    -------
    (tuple of int, tuple of float)
        Finest scale of sizes, of prices, and of profits and fees in dollars; the first
        is -1 if a value is too long for a mantissa. Sum of sizes, largest start and
        price, sums of profits and of fees in dollars; all absolute.
    """
    mask = (1 << SCALE_BITS) - 1
    size_scale = price_scale = dollar_scale = 0
    sizes = starts = price = profits = fees = 0.0
    for i in range(begin, end):
        flags = records[i, FLAGS]
        if flags & IS_LONG:
            size_scale = -1
            break
        packed = flags >> _FIRST_SCALE
        px_scale = packed & mask
        sz_scale = (packed >> SCALE_BITS) & mask
        start_scale = (packed >> 2 * SCALE_BITS) & mask
        pnl_scale = (packed >> 3 * SCALE_BITS) & mask
        fee_scale = (packed >> 4 * SCALE_BITS) & mask
        size_scale = max(size_scale, sz_scale, start_scale)
        price_scale = max(price_scale, px_scale)
        dollar_scale = max(dollar_scale, pnl_scale)
        this_px = abs(records[i, PX]) * FLOAT_POWERS[ZERO_POWER - px_scale]
        this_fee = abs(records[i, FEE]) * FLOAT_POWERS[ZERO_POWER - fee_scale]
        sizes += abs(records[i, DELTA]) * FLOAT_POWERS[ZERO_POWER - sz_scale]
        starts = max(
            starts, abs(records[i, START]) * FLOAT_POWERS[ZERO_POWER - start_scale]
        )
        price = max(price, this_px)
        profits += abs(records[i, PNL]) * FLOAT_POWERS[ZERO_POWER - pnl_scale]
        if flags & IS_BASE_FEE:
            size_scale = max(size_scale, fee_scale)
            sizes += this_fee
            fees += this_fee * this_px
        else:
            dollar_scale = max(dollar_scale, fee_scale)
            fees += this_fee
    return (
        (size_scale, price_scale, dollar_scale),
        (sizes, starts, price, profits, fees),
    )


@compilable
def scale_key(begin: int, end: int, scales: Any, records: Any) -> None:
    """Convert the amounts of a key's records to its scales, in place.

    ``scales`` are those of sizes, prices and dollars. Afterwards the size is the change
    of the position, and the fee is in dollars.
    """
    size_scale, price_scale, dollar_scale = scales
    mask = (1 << SCALE_BITS) - 1
    for i in range(begin, end):
        flags = records[i, FLAGS]
        packed = flags >> _FIRST_SCALE
        sz_scale = (packed >> SCALE_BITS) & mask
        start_scale = (packed >> 2 * SCALE_BITS) & mask
        pnl_scale = (packed >> 3 * SCALE_BITS) & mask
        fee_scale = (packed >> 4 * SCALE_BITS) & mask
        price = records[i, PX] * POWERS[price_scale - (packed & mask)]
        change = records[i, DELTA] * POWERS[size_scale - sz_scale]
        if flags & IS_BASE_FEE:
            in_coin = records[i, FEE] * POWERS[size_scale - fee_scale]
            change -= in_coin
            paid = in_coin * price * POWERS[dollar_scale - size_scale - price_scale]
        else:
            paid = records[i, FEE] * POWERS[dollar_scale - fee_scale]
        records[i, PX] = price
        records[i, DELTA] = change
        records[i, START] *= POWERS[size_scale - start_scale]
        records[i, PNL] *= POWERS[dollar_scale - pnl_scale]
        records[i, FEE] = paid
