"""Convert steps of the fold to rows of `trader_position_hours`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pgio.text_codes import TextCodes
from python_jobs.lib.fold import kernel as fk
from python_jobs.lib.fold.exact import widen
from python_jobs.lib.fold.fold import Steps

_MAX_DIGITS = 76

Values = npt.NDArray[Any]


def position_rows(steps: Steps, users: TextCodes, coins: TextCodes) -> pa.RecordBatch:
    """Turn steps into the columns of `trader_position_hours`.

    Parameters
    ----------
    steps
        Steps from `fold` or `FoldState.open_steps`.
    users, coins
        The texts of the codes.

    Returns
    -------
    pyarrow.RecordBatch
        Amounts are exact decimals.

    Raises
    ------
    pyarrow.ArrowInvalid
        An amount has more than 76 digits.
    """
    values = steps.values
    user = users.to_arrow().take(pa.array(steps.user)).cast(pa.string())
    coin = coins.to_arrow().take(pa.array(steps.coin)).cast(pa.string())
    opened, closed = _field(values, fk.OPENED), _field(values, fk.CLOSED)
    last_fill, last_exit = (
        _field(values, field) for field in (fk.LAST_FILL, fk.LAST_EXIT)
    )
    is_open = closed < 0
    changed = np.where(is_open, last_fill, closed)
    following = _field(values, fk.NEXT)

    size_scale, usd_scale = values[:, fk.SIZE_SCALE], values[:, fk.USD_SCALE]
    notional_scale = size_scale + values[:, fk.PX_SCALE]
    size = np.where(is_open, values[:, fk.POSITION], 0 * values[:, fk.POSITION])
    is_known = _field(values, fk.BASIS_KNOWN) != 0
    is_pnl_unknown = _field(values, fk.PNL_KNOWN) == 0
    reasons = pa.array([*fk.REASONS, None], pa.string())
    columns = {
        "position_id": pc.binary_join_element_wise(
            user,
            coin,
            pc.cast(pa.array(opened), pa.string()),
            pc.cast(pa.array(_field(values, fk.ORDINAL)), pa.string()),
            ":",
        ),
        "hour_at": _instant(changed // fk.HOUR_MS * fk.HOUR_MS),
        "user_address": user,
        "coin": coin,
        "side": pa.array(["short", "long"]).take(
            pa.array((_field(values, fk.SIDE) > 0).astype(np.int8))
        ),
        "opened_at": _instant(opened),
        "closed_at": _instant(closed, is_open),
        "last_fill_at": _instant(last_fill),
        "last_exit_at": _instant(last_exit, last_exit < 0),
        "size": _decimals(size, size_scale),
        "max_size": _decimals(values[:, fk.MAX_SIZE], size_scale),
        "entry_size": _decimals(values[:, fk.ENTRY_SIZE], size_scale),
        "entry_notional_usd": _decimals(values[:, fk.ENTRY_NOTIONAL], notional_scale),
        "exit_size": _decimals(values[:, fk.EXIT_SIZE], size_scale),
        "exit_notional_usd": _decimals(values[:, fk.EXIT_NOTIONAL], notional_scale),
        "cost_basis_usd": _decimals(values[:, fk.COST], usd_scale, ~is_known),
        "gross_pnl": _decimals(values[:, fk.GROSS], usd_scale, is_pnl_unknown),
        "fees_usd": _decimals(values[:, fk.FEES], usd_scale),
        "fill_count": pa.array(_field(values, fk.FILLS)),
        "close_reason": reasons.take(
            pa.array(np.where(is_open, len(fk.REASONS), _field(values, fk.REASON)))
        ),
        "is_liquidated": pa.array(_field(values, fk.LIQUIDATED) != 0),
        "is_basis_known": pa.array(is_known),
        "gap_count": pa.array(_field(values, fk.GAPS)),
        "next_hour_at": _instant(following // fk.HOUR_MS * fk.HOUR_MS, following < 0),
        "is_latest": pa.array(following < 0),
        "is_open": pa.array(is_open & (following < 0)),
    }
    return pa.RecordBatch.from_pydict(columns)


def _field(values: Values, field: int) -> npt.NDArray[np.int64]:
    return np.asarray(values[:, field].astype(np.int64))


def _instant(
    milliseconds: npt.NDArray[np.int64], is_null: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    array = pa.array(milliseconds, mask=is_null)
    return array.cast(pa.timestamp("ms", tz="UTC"))


def _decimals(
    values: Values, scales: Values, is_null: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Build a decimal column with the finest scale of its values."""
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
