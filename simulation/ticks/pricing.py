"""At what price trades happen, and how large they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.ticks.market import STEP_US, Stretch
from simulation.ticks.venues import Venue

Ints = npt.NDArray[np.int64]

# One trade in so many of a sweep is at the next level or beyond.
_NEXT_LEVEL_SHARE = 0.12
# Sizes, BTC: those of machines and of people who like round numbers.
_MACHINE_SIZES = (0.00009, 0.0001, 0.00013, 0.00017, 0.0002, 0.0004)
_ROUND_SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0)
_SIZE_LIMIT = 60.0
# In a planted pattern, of whose flow one trade would else be the most.
_PLANTED_SIZE_LIMIT = 0.1


def quotes(venue: Venue, stretch: Stretch, times: Ints) -> npt.NDArray[np.int64]:
    """Return the best bid at some times; the best ask is one tick above it.

    Parameters
    ----------
    venue : Venue
    stretch : Stretch
    times : ndarray of int64
        µs since the epoch, within the stretch.

    Returns
    -------
    ndarray of int64
        Price units of the venue.
    """
    step = (times - stretch.start) // STEP_US
    price = np.exp(stretch.log_price[step]) * (1.0 + venue.basis)
    return np.floor(price * 10.0**venue.price_places).astype(np.int64)


def trade_prices(
    venue: Venue,
    stretch: Stretch,
    starts: Ints,
    sides: npt.NDArray[np.int8],
    sizes: Ints,
    order: Ints,
    random: np.random.Generator,
) -> Ints:
    """Let orders take the best price, and sweeps walk away from it level by level.

    Parameters
    ----------
    venue : Venue
    stretch : Stretch
    starts, sides, sizes : ndarray, shape (orders,)
        Time in µs since the epoch, 1 or -1, number of trades.
    order : ndarray of int64, shape (trades,)
        Which order each trade is of, ascending.
    random : Generator

    Returns
    -------
    ndarray of int64, shape (trades,)
        Price units of the venue.
    """
    best = quotes(venue, stretch, starts) + (sides > 0)
    levels = np.zeros(len(order), dtype=np.int64)
    is_next = random.random(len(order)) < _NEXT_LEVEL_SHARE
    levels[is_next] = random.geometric(0.3, int(is_next.sum()))
    walked = np.cumsum(levels)
    first = np.cumsum(sizes) - sizes
    walked -= walked[first][order]
    # A cent is little: on a coarser grid there is more on every level.
    walked //= 10 ** (2 - venue.price_places)
    prices: Ints = best[order] + sides[order] * walked
    return prices


def trade_sizes(
    venue: Venue,
    prices: Ints,
    is_planted: npt.NDArray[np.bool_],
    random: np.random.Generator,
) -> Ints:
    """Draw sizes: a machine's, a round number, or anything, with a heavy tail.

    Parameters
    ----------
    venue : Venue
    prices : ndarray of int64, shape (trades,)
        Price units; contracts of dollars are worth more bitcoins at a lower price.
    is_planted : ndarray of bool, shape (trades,)
        Trades in planted patterns: none of them is large.
    random : Generator

    Returns
    -------
    ndarray of int64, shape (trades,)
        Size units of the venue, at least 1.
    """
    count = len(prices)
    sizes = np.exp(random.normal(np.log(0.003), 2.0, count))
    kind = random.random(count)
    machine = random.choice(_MACHINE_SIZES, count)
    sizes = np.where(kind < 0.3, machine, sizes)
    # Zipf's law: the smaller round sizes are the more frequent.
    weights = 1.0 / np.arange(1, len(_ROUND_SIZES) + 1)
    rounded = random.choice(_ROUND_SIZES, count, p=weights / weights.sum())
    largest = np.where(is_planted, _PLANTED_SIZE_LIMIT, _SIZE_LIMIT)
    sizes = np.minimum(np.where(kind > 0.8, rounded, sizes), largest)
    if venue.contract_usd:
        sizes *= prices / 10.0**venue.price_places / venue.contract_usd
    units = np.round(sizes * 10.0**venue.size_places).astype(np.int64)
    return np.maximum(units, 1)
