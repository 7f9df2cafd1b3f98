"""Episodes of the fold as rows of `trader_positions`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.text_codes import TextCodes
from python_jobs.lib import decimals as dec
from python_jobs.lib import fold_kernel as fk
from python_jobs.lib.exact import divide_rounded, widen
from python_jobs.lib.fold import Episodes

#: Average prices are rounded to this many decimals.
VWAP_SCALE = 12
_MILLISECONDS = 3
_MAX_DIGITS = 76

Values = npt.NDArray[Any]


def position_rows(
    episodes: Episodes, users: TextCodes, coins: TextCodes
) -> list[pa.RecordBatch]:
    """Turn episodes into the columns of `trader_positions`.

    Parameters
    ----------
    episodes
        What `fold` and `FoldState.open_episodes` yield.
    users, coins
        The texts behind the codes.

    Returns
    -------
    list of pyarrow.RecordBatch
        One batch, or two where some amounts need more than 64 bits. Amounts are exact
        decimals, prices rounded to 12 decimals.

    Raises
    ------
    pyarrow.ArrowInvalid
        An amount has more than 76 digits.
    """
    values = episodes.values
    if values.dtype == object:
        return [_batch(episodes, values, users, coins)]
    is_safe = _is_safe(values)
    if is_safe.all():
        return [_batch(episodes, values, users, coins)]
    return [
        _batch(
            Episodes(part, episodes.user[mask], episodes.coin[mask]), part, users, coins
        )
        for mask, part in (
            (is_safe, values[is_safe]),
            (~is_safe, values[~is_safe].astype(object)),
        )
        if len(part)
    ]


def _is_safe(values: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Tell whose derived amounts (recomputed profit, average prices) fit in 64 bits."""
    scale = values[:, fk.SIZE_SCALE] + values[:, fk.PX_SCALE]
    unit = 10.0 ** (values[:, fk.USD_SCALE] - scale)
    turnover = values[:, fk.ENTRY_NOTIONAL] + values[:, fk.EXIT_NOTIONAL]
    is_safe = turnover * unit + values[:, fk.COST] < dec.SAFE
    is_safe &= values[:, fk.PX_SCALE] <= VWAP_SCALE
    power = 2.0 * 10.0 ** (VWAP_SCALE - values[:, fk.PX_SCALE])
    for notional, size in (
        (fk.ENTRY_NOTIONAL, fk.ENTRY_SIZE),
        (fk.EXIT_NOTIONAL, fk.EXIT_SIZE),
    ):
        price = values[:, notional] / np.maximum(values[:, size], 1)
        is_safe &= price * power < dec.SAFE
    return np.asarray(is_safe)


def _batch(
    episodes: Episodes, values: Values, users: TextCodes, coins: TextCodes
) -> pa.RecordBatch:
    user = users.to_arrow().take(pa.array(episodes.user)).cast(pa.string())
    coin = coins.to_arrow().take(pa.array(episodes.coin)).cast(pa.string())
    opened, closed = _integers(values, fk.OPENED), _integers(values, fk.CLOSED)
    is_open = closed < 0
    is_known = _integers(values, fk.BASIS_KNOWN) != 0
    is_pnl_unknown = _integers(values, fk.PNL_KNOWN) == 0
    last_exit = _integers(values, fk.LAST_EXIT)
    # What the exchange swept, the trader had stopped holding before.
    is_swept = _integers(values, fk.REASON) == fk.DUST
    held_until = np.where(is_swept, last_exit, closed)

    size_scale, usd_scale = values[:, fk.SIZE_SCALE], values[:, fk.USD_SCALE]
    notional_scale = size_scale + values[:, fk.PX_SCALE]
    zero = 0 * values[:, fk.POSITION]
    size = np.where(is_open, values[:, fk.POSITION], zero)
    cost = np.where(is_open, values[:, fk.COST], zero)
    realized = _times_power(
        values[:, fk.EXIT_NOTIONAL] - values[:, fk.ENTRY_NOTIONAL],
        usd_scale - notional_scale,
    )
    # What left minus what came in, and what is still there at its cost.
    recomputed = values[:, fk.SIDE] * (realized + values[:, fk.COST])
    gross, fees = values[:, fk.GROSS], values[:, fk.FEES]
    reasons = pa.array([*fk.REASONS, None], pa.string())
    columns = {
        "position_id": pc.binary_join_element_wise(
            user,
            coin,
            pc.cast(pa.array(opened), pa.string()),
            pc.cast(pa.array(_integers(values, fk.ORDINAL)), pa.string()),
            ":",
        ),
        "user_address": user,
        "coin": coin,
        "side": _choose(_integers(values, fk.SIDE) > 0, "long", "short"),
        "status": _choose(is_open, "open", "closed"),
        "opened_at": _instant(opened),
        "closed_at": _instant(closed, is_open),
        "last_fill_at": _instant(_integers(values, fk.LAST_FILL)),
        "size": _decimals(size, size_scale),
        "max_size": _decimals(values[:, fk.MAX_SIZE], size_scale),
        "entry_vwap": _average(values, fk.ENTRY_NOTIONAL, fk.ENTRY_SIZE),
        "exit_vwap": _average(values, fk.EXIT_NOTIONAL, fk.EXIT_SIZE),
        "entry_size": _decimals(values[:, fk.ENTRY_SIZE], size_scale),
        "entry_notional_usd": _decimals(values[:, fk.ENTRY_NOTIONAL], notional_scale),
        "exit_size": _decimals(values[:, fk.EXIT_SIZE], size_scale),
        "exit_notional_usd": _decimals(values[:, fk.EXIT_NOTIONAL], notional_scale),
        "cost_basis_usd": _decimals(cost, usd_scale, ~is_known),
        "gross_pnl": _decimals(gross, usd_scale, is_pnl_unknown),
        "recomputed_pnl": _decimals(recomputed, usd_scale, ~is_known),
        "fees_usd": _decimals(fees, usd_scale),
        "net_pnl": _decimals(gross - fees, usd_scale, is_pnl_unknown),
        "fill_count": pa.array(_integers(values, fk.FILLS)),
        "holding_seconds": _decimals(
            np.where(held_until < 0, 0, held_until - opened),
            np.full(len(values), _MILLISECONDS),
            held_until < 0,
        ),
        "close_reason": reasons.take(
            pa.array(np.where(is_open, len(fk.REASONS), _integers(values, fk.REASON)))
        ),
        "is_liquidated": pa.array(_integers(values, fk.LIQUIDATED) != 0),
        "is_basis_known": pa.array(is_known),
        "gap_count": pa.array(_integers(values, fk.GAPS)),
        "last_exit_at": _instant(last_exit, last_exit < 0),
    }
    return pa.RecordBatch.from_pydict(columns)


def _integers(values: Values, field: int) -> npt.NDArray[np.int64]:
    return np.asarray(values[:, field].astype(np.int64))


def _choose(condition: npt.NDArray[np.bool_], yes: str, no: str) -> pa.Array:
    return pa.array([no, yes]).take(pa.array(condition.astype(np.int8)))


def _instant(
    milliseconds: npt.NDArray[np.int64], is_null: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    array = pa.array(milliseconds, mask=is_null)
    return array.cast(pa.timestamp("ms", tz="UTC"))


def _times_power(values: Values, steps: Values) -> Values:
    if values.dtype == object:
        return np.array(
            [v * 10 ** int(s) for v, s in zip(values, steps, strict=True)], dtype=object
        )
    return values * dec.POWERS[steps]


def _average(values: Values, notional: int, size: int) -> pa.Array:
    sizes = values[:, size]
    is_null = np.asarray(sizes == 0, dtype=np.bool_)
    scale = np.full(len(values), VWAP_SCALE)
    if values.dtype != object:
        prices = np.empty(len(values), dtype=np.int64)
        power = dec.POWERS[VWAP_SCALE - values[:, fk.PX_SCALE]]
        divide_rounded(values[:, notional], power, sizes, prices)
        return _decimals(prices, scale, is_null)
    rounded = np.zeros(len(values), dtype=object)
    for row in np.flatnonzero(~is_null):
        # notional / size is at the price's scale; one bit more rounds half up.
        top = 2 * values[row, notional] * 10**VWAP_SCALE
        divisor = sizes[row] * 10 ** int(values[row, fk.PX_SCALE])
        rounded[row] = (top // divisor + 1) // 2
    return _decimals(rounded, scale, is_null)


def _decimals(
    values: Values, scales: Values, is_null: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Build a decimal column; its scale is the finest one there is."""
    null = np.zeros(len(values), dtype=np.bool_) if is_null is None else is_null
    scale = int(scales.max(initial=0))
    if values.dtype != object:
        words = np.empty((len(values), 2), dtype=np.uint64)
        widen(values, scale - scales.astype(np.int64), words)
        validity = pa.py_buffer(np.packbits(~null, bitorder="little"))
        return pa.Array.from_buffers(
            pa.decimal128(38, scale), len(values), [validity, pa.py_buffer(words)]
        )
    exact = [
        None if skip else Decimal(f"{int(value)}E-{int(at)}")
        for value, at, skip in zip(values, scales, null, strict=True)
    ]
    return pa.array(exact, pa.decimal256(_MAX_DIGITS, scale))
