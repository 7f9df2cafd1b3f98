"""The orders of a part: trader, time, coin, and the expected direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.fills.coins import DELISTED, KINDS, LEADER_OF, PERP
from simulation.fills.market import (
    BLOCK_MS,
    DAY_MS,
    HOUR_MS,
    Market,
    block_times,
    times_of_day,
)
from simulation.fills.traders import FAVOURITES, Population

Ints = npt.NDArray[np.int64]

# Kinds of orders. The files leave out those from HIDDEN_RESIZE on.
NORMAL, CLOSE, HEDGE, TWAP, HIDDEN_RESIZE, HIDDEN_CLOSE, HIDDEN_FLIP = range(7)

ORDER = np.dtype(
    [
        # Milliseconds since the epoch, of the block.
        ("time", "i8"),
        ("trader", "i8"),
        ("coin", "i8"),
        ("kind", "i8"),
        # Trades that it makes.
        ("trades", "i8"),
        # Id of the TWAP order that it is a slice of, 0 for none.
        ("twap", "i8"),
        # Expected direction of the price: 1 or -1.
        ("outlook", "i8"),
        ("usd", "f8"),
        # Price in the middle of the spread, price units.
        ("mid", "f8"),
    ]
)

_MOST_TRADES = 5
_TWAP_SPACING_MS = 30_000
_SCALP_MEAN_MS = 150_000
# A winner does not trade if the coming move is smaller than fees and spread.
_LEAST_EDGE = 0.0025
# Room for what the exchange does first in a part, and for orders moved to later blocks.
_MARGIN_MS = 5_000
_TWAPS_AN_HOUR = 100_000


def draw_orders(
    rng: np.random.Generator,
    population: Population,
    market: Market,
    day_ms: int,
    hours: tuple[int, int],
    trades: int,
    is_delisted: bool,
) -> npt.NDArray[Any]:
    """Draw orders that make so many trades, besides those that the tape misses.

    Parameters
    ----------
    rng : Generator
        Of this part only.
    population : Population
    market : Market
    day_ms : int
        Midnight, milliseconds since the epoch.
    hours : tuple of int
        First hour of the part and number of hours.
    trades : int
    is_delisted : bool
        The coin that the exchange delists is traded no more.

    Returns
    -------
    ndarray of ORDER, shape (orders,)
        Sorted by time; no block has two orders in one coin.

    Raises
    ------
    ValueError
        There are not blocks enough for so many orders.
    """
    first_ms = day_ms + hours[0] * HOUR_MS
    end_ms = first_ms + hours[1] * HOUR_MS - _MARGIN_MS
    # More than needed; the surplus is dropped below.
    count = trades + trades // 2 + 16
    base = np.zeros(count, dtype=ORDER)
    base["time"] = day_ms + times_of_day(rng, *hours, count)
    base["time"] = np.clip(base["time"], first_ms + _MARGIN_MS, end_ms)
    drawn = np.searchsorted(population.activity, rng.random(count))
    trader = np.minimum(drawn, len(population.roles) - 1)
    base["trader"] = trader
    column = rng.integers(0, FAVOURITES, count)
    base["coin"] = population.favourites[trader, column]
    if is_delisted:
        base["coin"][base["coin"] == DELISTED] = 0
    base["usd"] = population.order_usd[trader] * (0.25 + 2.25 * rng.random(count) ** 2)
    base["trades"] = np.minimum(rng.geometric(0.75, count), _MOST_TRADES)
    role = population.roles[trader]
    _set_kinds(rng, base, role)
    twaps = base["kind"] == TWAP
    first_twap = (day_ms // DAY_MS * 24 + hours[0]) * _TWAPS_AN_HOUR
    base["twap"][twaps] = first_twap + np.arange(np.count_nonzero(twaps))
    now = market.at(base["coin"], base["time"])
    later = market.at(base["coin"], base["time"] + population.horizon_ms[trader])
    foresees = rng.random(count) < population.skill[trader]
    base["outlook"] = np.where((later > now) == foresees, 1, -1)
    stays_out = (role == "winner") & (np.abs(later / now - 1) < _LEAST_EDGE)
    base = base[~stays_out | (rng.random(count) < 0.2)]
    orders = _first(_with_followers(rng, population, base, end_ms), trades)
    return _in_blocks(rng, orders, market, first_ms + hours[1] * HOUR_MS)


def _set_kinds(
    rng: np.random.Generator, base: npt.NDArray[Any], role: npt.NDArray[np.str_]
) -> None:
    draw = rng.random(len(base))
    can_miss = np.isin(role, ("retail", "loser", "winner"))
    base["kind"][can_miss & (draw < 0.0018)] = HIDDEN_FLIP
    base["kind"][can_miss & (draw < 0.0012)] = HIDDEN_CLOSE
    base["kind"][can_miss & (draw < 0.0006)] = HIDDEN_RESIZE
    twap = np.isin(role, ("retail", "winner")) & (KINDS[base["coin"]] == PERP)
    base["kind"][twap & (draw > 0.996)] = TWAP
    base["trades"][base["kind"] == TWAP] = 1


def _with_followers(
    rng: np.random.Generator, population: Population, base: npt.NDArray[Any], end: int
) -> npt.NDArray[Any]:
    """Add the orders that follow others: exits, hedges, slices of TWAP orders."""
    role = population.roles[base["trader"]]
    scalps = np.flatnonzero(role == "scalper")
    exits = base[scalps]
    exits["kind"] = CLOSE
    exits["time"] += 1_000 + rng.exponential(_SCALP_MEAN_MS, len(exits)).astype(int)
    spots = np.flatnonzero(role == "basis")
    hedges = base[spots]
    hedges["kind"], hedges["coin"] = HEDGE, LEADER_OF[hedges["coin"]]
    parents = np.flatnonzero(base["kind"] == TWAP)
    copies = rng.integers(4, 12, len(parents))
    nth = np.arange(copies.sum()) - (np.cumsum(copies) - copies).repeat(copies)
    slices = base[parents].repeat(copies)
    slices["time"] += (nth + 1) * _TWAP_SPACING_MS
    orders = np.concatenate([base, exits, hedges, slices])
    # Orders that would be later than the part get a random time in the rest of it.
    late = np.flatnonzero(orders["time"] > end)
    parent = np.concatenate(
        [np.arange(len(base)), scalps, spots, parents.repeat(copies)]
    )
    start = base["time"][parent[late]]
    orders["time"][late] = start + rng.random(len(late)) * (end - start)
    return orders[np.argsort(parent, kind="stable")]


def _first(orders: npt.NDArray[Any], trades: int) -> npt.NDArray[Any]:
    """Keep the first orders that make exactly so many trades on the tape."""
    shown = np.where(orders["kind"] < HIDDEN_RESIZE, orders["trades"], 0)
    ends = np.cumsum(shown)
    last = int(np.searchsorted(ends, trades))
    if trades == 0:
        return orders[:0]
    orders = orders[: last + 1]
    orders["trades"][-1] -= ends[last] - trades
    return orders


def _in_blocks(
    rng: np.random.Generator, orders: npt.NDArray[Any], market: Market, end_ms: int
) -> npt.NDArray[Any]:
    """Give each order a block, in which it is the only one in its coin."""
    slots = orders["time"] // BLOCK_MS
    order = np.argsort(slots, kind="stable")
    orders, slots = orders[order], slots[order]
    # Some in the block of the one before.
    burst = np.flatnonzero(rng.random(len(orders)) < 0.05)[1:]
    slots[burst] = slots[burst - 1]
    for coin in np.unique(orders["coin"]):
        places = np.flatnonzero(orders["coin"] == coin)
        rank = np.arange(len(places))
        slots[places] = np.maximum.accumulate(slots[places] - rank) + rank
    order = np.argsort(slots, kind="stable")
    orders, slots = orders[order], slots[order]
    if len(slots) and slots[-1] >= end_ms // BLOCK_MS:
        raise ValueError(
            "there are more fills than the blocks of a day hold: ask for fewer fills,"
            " or for more days"
        )
    orders["time"] = block_times(slots)
    orders["mid"] = market.at(orders["coin"], orders["time"])
    return orders
