"""Which scales a key's amounts need, and whether 64 bits hold them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib import decimals as dec
from python_jobs.lib import fold_kernel as fk
from python_jobs.lib.records import measure_keys

_MAX_SCALE = 18

_SIZE_FIELDS = [fk.POSITION, fk.MAX_SIZE, fk.ENTRY_SIZE, fk.EXIT_SIZE]
_NOTIONAL_FIELDS = [fk.ENTRY_NOTIONAL, fk.EXIT_NOTIONAL]
_USD_FIELDS = [fk.COST, fk.GROSS, fk.FEES]
_SCALE_FIELDS = [fk.SIZE_SCALE, fk.PX_SCALE, fk.USD_SCALE]


def settle_scales(
    records: npt.NDArray[np.int64],
    narrow: npt.NDArray[np.int64],
    large: Collection[int],
    touched: npt.NDArray[np.int64],
    bounds: npt.NDArray[np.int64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Choose each key's scales, bring its state to them, and say where 64 bits do.

    Parameters
    ----------
    records, bounds
        The chunk: those of ``touched[k]`` are ``bounds[k, 0]:bounds[k, 1]``, unscaled.
    narrow
        State of all keys; that of the touched ones is rescaled in place.
    large
        Keys that are folded with Python's integers already.
    touched
        Rows of ``narrow``.

    Returns
    -------
    (ndarray, ndarray)
        ``(touched, 3)``, the scales of sizes, prices and dollars; ``(touched,)``,
        whether no amount of the key can leave 64 bits in this chunk.
    """
    found = np.zeros((touched.size, 4), dtype=np.int64)
    sums = np.zeros((touched.size, 5))
    measure_keys(bounds, records, dec.FLOAT_POWERS, found, sums)
    rows = narrow[touched]
    old = rows[:, _SCALE_FIELDS]
    scales = np.empty_like(old)
    scales[:, 0] = np.maximum(found[:, dec.SIZE_SCALE], old[:, 0])
    scales[:, 1] = np.maximum(found[:, dec.PX_SCALE], old[:, 1])
    notional_scale = scales[:, 0] + scales[:, 1]
    scales[:, 2] = np.maximum.reduce(
        [found[:, dec.PNL_SCALE], found[:, dec.FEE_SCALE], old[:, 2], notional_scale]
    )
    turnover = sums[:, dec.SIZES] * sums[:, dec.PX]

    def carried(columns: list[int], scale: Any) -> Any:
        return dec.absolute(rows[:, columns], scale[:, None]).max(axis=1)

    sizes = carried(_SIZE_FIELDS, old[:, 0]) + sums[:, dec.SIZES] + sums[:, dec.START]
    notional = carried(_NOTIONAL_FIELDS, old[:, 0] + old[:, 1]) + turnover
    dollars = (
        2 * carried(_USD_FIELDS, old[:, 2])
        + 2 * turnover
        + sums[:, dec.PNL]
        + sums[:, dec.FEES]
    )
    is_narrow = (found[:, dec.SIZE_SCALE] >= 0) & (scales[:, 2] <= _MAX_SCALE)
    for amount, scale in (
        (sizes, scales[:, 0]),
        (notional, notional_scale),
        (dollars, scales[:, 2]),
        (sums[:, dec.PX], scales[:, 1]),
    ):
        is_narrow &= amount * 10.0 ** np.minimum(scale, 300) < dec.SAFE
    if large:
        is_narrow &= ~np.isin(touched, list(large))

    changed = np.flatnonzero(is_narrow & (scales != old).any(axis=1))
    step = scales[changed] - old[changed]
    rows = rows[changed]
    rows[:, _SIZE_FIELDS] *= dec.POWERS[step[:, 0]][:, None]
    rows[:, _NOTIONAL_FIELDS] *= dec.POWERS[step[:, 0] + step[:, 1]][:, None]
    rows[:, _USD_FIELDS] *= dec.POWERS[step[:, 2]][:, None]
    rows[:, _SCALE_FIELDS] = scales[changed]
    narrow[touched[changed]] = rows
    return scales, is_narrow
