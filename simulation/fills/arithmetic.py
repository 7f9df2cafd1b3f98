"""Integer arithmetic of the kernel: hashing, exact proportions, the price grid."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.compiled import compilable

# Largest factors whose product still fits in a signed 64-bit integer.
_SAFE_FACTOR = 3_000_000_000
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


@compilable
def scramble(value: Any) -> Any:
    """Scramble a 64-bit number (the finaliser of splitmix64).

    Parameters
    ----------
    value : uint64 or ndarray of uint64

    Returns
    -------
    uint64 or ndarray of uint64
    """
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@compilable
def uniform(random: npt.NDArray[np.uint64]) -> float:
    """Draw the next number of the kernel's own stream (splitmix64).

    Parameters
    ----------
    random : ndarray of uint64, shape (1,)
        The state; advanced in place.

    Returns
    -------
    float
        In [0, 1).
    """
    random[0] += _GOLDEN
    return float(scramble(random[0]) >> np.uint64(11)) / 9007199254740992.0


@compilable
def proportion(amount: int, part: int, whole: int) -> int:
    """Return `amount * part // whole` exactly, without a 128-bit product.

    Parameters
    ----------
    amount : int
        Not negative.
    part, whole : int
        0 <= part <= whole, whole > 0.

    Returns
    -------
    int
    """
    quotient = amount // whole
    remainder = amount - quotient * whole
    result = quotient * part
    if remainder < _SAFE_FACTOR and part < _SAFE_FACTOR:
        return result + remainder * part // whole
    # Long multiplication by the bits of `part`, reduced modulo `whole` on the way.
    high = 0
    rest = 0
    for bit in range(62, -1, -1):
        rest = 2 * rest
        high = 2 * high
        if (part >> bit) & 1:
            rest += remainder
        while rest >= whole:
            rest -= whole
            high += 1
    return result + high


@compilable
def snap(price: float, is_up: bool, price_unit: int, least_tick: int) -> int:
    """Round a price to the exchange's grid: five significant figures, or whole.

    Parameters
    ----------
    price : float
        In price units.
    is_up : bool
        Round up rather than down.
    price_unit : int
        Price units in one dollar.
    least_tick : int
        Smallest step allowed, price units.

    Returns
    -------
    int
        Price units, at least one tick.
    """
    units = int(np.ceil(price)) if is_up else int(np.floor(price))
    tick = 1
    while units >= 100_000 * tick:
        tick *= 10
    tick = max(min(tick, price_unit), least_tick)
    units = (units + tick - 1) // tick * tick if is_up else units // tick * tick
    return max(units, tick)


@compilable
def price_at(paths: npt.NDArray[np.float64], coin: int, milliseconds: int) -> float:
    """Interpolate a price path.

    Parameters
    ----------
    paths : ndarray of float64, shape (coins, minutes)
    coin : int
    milliseconds : int
        Since the start of the path; later than its end gives the last price.

    Returns
    -------
    float
        Price units.
    """
    minute = milliseconds // 60_000
    if minute >= paths.shape[1] - 1:
        return float(paths[coin, paths.shape[1] - 1])
    share = (milliseconds - minute * 60_000) / 60_000.0
    return float(paths[coin, minute] * (1.0 - share) + paths[coin, minute + 1] * share)
