"""Convert rows of `trader_position_hours` to the state from which the fold resumes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.binary_rows import RowBatch
from pgio.scaled import LARGE, Scaled, scaled_column
from python_jobs.lib.fold import decimals as dec
from python_jobs.lib.fold import kernel as fk
from python_jobs.lib.fold.fills import FillDecoder
from python_jobs.lib.fold.fold import FoldState

_AMOUNTS = {
    "size": fk.POSITION,
    "max_size": fk.MAX_SIZE,
    "entry_size": fk.ENTRY_SIZE,
    "exit_size": fk.EXIT_SIZE,
    "entry_notional_usd": fk.ENTRY_NOTIONAL,
    "exit_notional_usd": fk.EXIT_NOTIONAL,
    "cost_basis_usd": fk.COST,
    "gross_pnl": fk.GROSS,
    "fees_usd": fk.FEES,
}
_INTEGERS = {
    "last_fill_ms": fk.LAST_FILL,
    "opened_ms": fk.OPENED,
    "ordinal": fk.ORDINAL,
    "fill_count": fk.FILLS,
    "gap_count": fk.GAPS,
    "is_basis_known": fk.BASIS_KNOWN,
    "is_liquidated": fk.LIQUIDATED,
    "is_long": fk.SIDE,
    "last_exit_ms": fk.LAST_EXIT,
    "is_pnl_known": fk.PNL_KNOWN,
}
_SIZES = ("size", "max_size", "entry_size", "exit_size")
_NOTIONALS = ("entry_notional_usd", "exit_notional_usd")
_DOLLARS = ("cost_basis_usd", "gross_pnl", "fees_usd")

#: SQL: ordinal of a row of ``{}`` among positions that its key opened in one
#: millisecond.
ORDINAL = "split_part({}.position_id, ':', -1)::bigint"

#: SQL: columns of `trader_position_hours`, ``p``, that `resume` reads besides the key.
RESUME_COLUMNS = f"""
    (extract(epoch from last_fill_at) * 1000)::bigint as last_fill_ms,
    (extract(epoch from opened_at) * 1000)::bigint as opened_ms,
    {ORDINAL.format("p")} as ordinal,
    fill_count,
    gap_count,
    is_basis_known,
    is_liquidated,
    side = 'long' as is_long,
    (extract(epoch from last_exit_at) * 1000)::bigint as last_exit_ms,
    gross_pnl is not null as is_pnl_known,
    size,
    max_size,
    entry_size,
    exit_size,
    entry_notional_usd,
    exit_notional_usd,
    cost_basis_usd,
    gross_pnl,
    fees_usd
"""


def resume(rows: RowBatch, decoder: FillDecoder, state: FoldState) -> None:
    """Store the last positions of some keys in the state.

    Parameters
    ----------
    rows
        One row per key: ``user_address``, ``coin`` and `RESUME_COLUMNS` of the open or
        closed position from which it resumes.
    decoder
        Has the codes of traders and coins.
    state
        Changed in place; it must not contain these keys yet.
    """
    keys = state.keys.encode(
        decoder.users.encode_column(rows, "user_address"),
        decoder.coins.encode_column(rows, "coin"),
    )
    state.reserve()
    amounts = {name: scaled_column(rows, name) for name in _AMOUNTS}
    size_scale = _finest(amounts, _SIZES)
    px_scale = np.maximum(_finest(amounts, _NOTIONALS) - size_scale, 0)
    usd_scale = np.maximum(
        np.maximum(_finest(amounts, _DOLLARS), fk.USD_GRID), size_scale + px_scale
    )
    table = np.zeros((len(rows), fk.STATE_WIDTH), dtype=np.int64)
    for name, field in _INTEGERS.items():
        table[:, field] = rows.integers(name, -1 if name == "last_exit_ms" else None)
    table[:, fk.SEEN] = 1
    table[:, fk.SIDE] = 2 * table[:, fk.SIDE] - 1
    table[:, fk.SIZE_SCALE] = size_scale
    table[:, fk.PX_SCALE] = px_scale
    table[:, fk.USD_SCALE] = usd_scale

    targets = {
        **dict.fromkeys(_SIZES, size_scale),
        **dict.fromkeys(_NOTIONALS, size_scale + px_scale),
        **dict.fromkeys(_DOLLARS, usd_scale),
    }
    is_narrow = usd_scale < dec.POWERS.size
    for name, column in amounts.items():
        scale = np.maximum(column.scale, 0).astype(np.int64)
        about = np.abs(column.mantissa) * dec.FLOAT_POWERS[dec.ZERO_POWER - scale]
        is_narrow &= (column.scale != LARGE) & (
            about * 10.0 ** targets[name].astype(np.float64) < dec.SAFE
        )
    for name, column in amounts.items():
        steps = np.where(is_narrow, targets[name] - column.scale, 0)
        table[:, _AMOUNTS[name]] = column.mantissa * dec.POWERS[steps]
    state.narrow[keys] = table
    for row in np.flatnonzero(~is_narrow):
        large = table[row : row + 1].astype(object)
        for name, column in amounts.items():
            mantissa, at = column.exact(int(row))
            large[0, _AMOUNTS[name]] = mantissa * 10 ** int(targets[name][row] - at)
        state.large[int(keys[row])] = large


def _finest(
    amounts: dict[str, Scaled], names: tuple[str, ...]
) -> npt.NDArray[np.int64]:
    columns: list[Any] = []
    for name in names:
        scale = amounts[name].scale.astype(np.int64)
        for row, (_, long_scale) in amounts[name].large.items():
            scale[row] = long_scale
        columns.append(scale)
    return np.asarray(np.maximum.reduce(columns))
