"""The same fold with Python integers, for amounts that do not fit in 64 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib.fold import kernel as fk
from python_jobs.lib.fold.fills import Fills
from python_jobs.lib.fold.ordering import order_ties


def fold_large_key(
    fills: Fills, narrow: npt.NDArray[np.int64], state: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Fold the fills of one key exactly, for amounts of any size and scale.

    Parameters
    ----------
    fills
        All fills of the chunk.
    narrow
        Records of the key, in order of time, not scaled yet.
    state
        ``(1, STATE_WIDTH)`` of Python integers, changed in place.

    Returns
    -------
    ndarray of object
        ``(steps, STEP_WIDTH)``: the state of its positions at the ends of hours and
        when they were closed.
    """
    rows = narrow[:, fk.ROW]
    columns = {
        name: [getattr(fills, name).exact(row) for row in rows]
        for name in ("px", "size", "start", "pnl", "fee")
    }
    is_base_fee = fills.is_base_fee[rows].tolist()
    scale = _settle_scales(columns, is_base_fee, state)
    size_scale, px_scale, usd_scale = scale
    px = [_at(value, px_scale) for value in columns["px"]]
    delta, fee = [], []
    for i in range(len(rows)):
        change = _at(columns["size"][i], size_scale)
        paid = columns["fee"][i]
        if is_base_fee[i]:
            in_coin = _at(paid, size_scale)
            change -= in_coin
            paid = (in_coin * px[i], size_scale + px_scale)
        delta.append(change)
        fee.append(_at(paid, usd_scale))
    start = [_at(value, size_scale) for value in columns["start"]]
    pnl = [_at(value, usd_scale) for value in columns["pnl"]]

    records = narrow.astype(object)
    for field, values in (
        (fk.PX, px),
        (fk.DELTA, delta),
        (fk.START, start),
        (fk.PNL, pnl),
        (fk.FEE, fee),
    ):
        records[:, field] = values

    order = np.arange(len(rows))
    powers = [10**i for i in range(usd_scale + 1)]
    order_ties(0, len(rows), order, records, fills.block, fills.event, state[0], powers)
    room = fk.STEPS_OF_A_FILL * len(rows)
    steps = np.empty((room, fk.STEP_WIDTH), dtype=object)
    used = fk.fold_key(0, 0, len(rows), order, records, powers, state[0], steps, 0)
    return steps[:used].copy()


def _settle_scales(
    columns: dict[str, list[tuple[int, int]]],
    is_base_fee: list[bool],
    state: npt.NDArray[Any],
) -> tuple[int, int, int]:
    """Choose the key's scales and convert its state to them."""
    row = state[0]
    size = max(
        int(row[fk.SIZE_SCALE]),
        *(scale for name in ("size", "start") for _, scale in columns[name]),
        *(
            scale
            for (_, scale), base in zip(columns["fee"], is_base_fee, strict=True)
            if base
        ),
    )
    px = max(int(row[fk.PX_SCALE]), *(scale for _, scale in columns["px"]))
    usd = max(
        int(row[fk.USD_SCALE]),
        size + px,
        *(scale for name in ("pnl", "fee") for _, scale in columns[name]),
    )
    for fields, step in (
        ((fk.POSITION, fk.MAX_SIZE, fk.ENTRY_SIZE, fk.EXIT_SIZE),
         size - row[fk.SIZE_SCALE]),
        ((fk.ENTRY_NOTIONAL, fk.EXIT_NOTIONAL),
         size + px - row[fk.SIZE_SCALE] - row[fk.PX_SCALE]),
        ((fk.COST, fk.GROSS, fk.FEES), usd - row[fk.USD_SCALE]),
    ):  # fmt: skip
        for field in fields:
            row[field] *= 10 ** int(step)
    row[fk.SIZE_SCALE], row[fk.PX_SCALE], row[fk.USD_SCALE] = size, px, usd
    return size, px, usd


def _at(value: tuple[int, int], scale: int) -> int:
    return value[0] * int(10 ** (scale - value[1]))
