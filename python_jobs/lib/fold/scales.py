"""Choose the scales of a key's amounts, and check whether they fit in 64 bits."""

from __future__ import annotations

from typing import Any

from pgio.compiled import compilable
from python_jobs.lib.fold import kernel as fk
from python_jobs.lib.fold.decimals import FLOAT_POWERS, POWERS, SAFE, ZERO_POWER

_MAX_SCALE = 18


@compilable
def settle_scales(found: Any, sums: Any, row: Any) -> Any:
    """Choose a key's scales, convert its state, and return whether 64 bits are enough.

    Parameters
    ----------
    found, sums
        Result of `records.measure_key` for the key's fills in this chunk.
    row
        The key's state, rescaled in place if 64 bits are enough.

    Returns
    -------
    (bool, tuple of int)
        Whether all amounts of the key fit in 64 bits in this chunk; the scales of
        sizes, prices and dollars.
    """
    old_size, old_px, old_usd = row[fk.SIZE_SCALE], row[fk.PX_SCALE], row[fk.USD_SCALE]
    size = max(found[0], old_size)
    px = max(found[1], old_px)
    usd = max(found[2], old_usd, size + px)
    scales = (size, px, usd)
    if found[0] < 0 or usd > _MAX_SCALE:
        return False, scales

    sizes, start, price, profits, fees = sums
    turnover = sizes * price
    of_size = FLOAT_POWERS[ZERO_POWER - old_size]
    of_notional = FLOAT_POWERS[ZERO_POWER - old_size - old_px]
    of_usd = FLOAT_POWERS[ZERO_POWER - old_usd]
    held = max(
        abs(row[fk.POSITION]), row[fk.MAX_SIZE], row[fk.ENTRY_SIZE], row[fk.EXIT_SIZE]
    )
    traded = max(row[fk.ENTRY_NOTIONAL], row[fk.EXIT_NOTIONAL])
    dollars = max(abs(row[fk.COST]), abs(row[fk.GROSS]), abs(row[fk.FEES]))
    is_narrow = (
        (held * of_size + sizes + start) * FLOAT_POWERS[ZERO_POWER + size] < SAFE
        and (traded * of_notional + turnover) * FLOAT_POWERS[ZERO_POWER + size + px]
        < SAFE
        and (2 * (dollars * of_usd + turnover) + profits + fees)
        * FLOAT_POWERS[ZERO_POWER + usd]
        < SAFE
        and price * FLOAT_POWERS[ZERO_POWER + px] < SAFE
    )
    if is_narrow and (size != old_size or px != old_px or usd != old_usd):
        step = POWERS[size - old_size]
        for field in (fk.POSITION, fk.MAX_SIZE, fk.ENTRY_SIZE, fk.EXIT_SIZE):
            row[field] *= step
        step = POWERS[size + px - old_size - old_px]
        for field in (fk.ENTRY_NOTIONAL, fk.EXIT_NOTIONAL):
            row[field] *= step
        step = POWERS[usd - old_usd]
        for field in (fk.COST, fk.GROSS, fk.FEES):
            row[field] *= step
        row[fk.SIZE_SCALE] = size
        row[fk.PX_SCALE] = px
        row[fk.USD_SCALE] = usd
    return is_narrow, scales
