"""Who acts when: the orders of one day, before anyone decides side and size."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simulation.fills.agents import FAVOURITES, Population
from simulation.fills.codes import Order, Role
from simulation.fills.market import BLOCK_MS, DAY_MS, HOUR_MS, times_of_day

_TWAP_SPACING_MS = 30_000
_SCALP_MEAN_MS = 150_000
# Room for ids; a day drawn at once may use the room of all its hours.
_TWAPS_AN_HOUR = 5_000
_NETTING_HOUR = 8
_SETTLEMENT_HOUR = 14
_NOBODY = -1


class Orders(NamedTuple):
    """Orders in the sequence the exchange takes them.

    Attributes
    ----------
    slots : ndarray of int64, shape (orders,)
        Time of the block, in units of `BLOCK_MS` since the epoch.
    traders : ndarray of int64, shape (orders,)
        -1 for the exchange itself.
    coins : ndarray of int64, shape (orders,)
    kinds : ndarray of int64, shape (orders,)
        `codes.Order`.
    twaps : ndarray of int64, shape (orders,)
        Id of the TWAP order that an order is a slice of, 0 for none.
    """

    slots: npt.NDArray[np.int64]
    traders: npt.NDArray[np.int64]
    coins: npt.NDArray[np.int64]
    kinds: npt.NDArray[np.int64]
    twaps: npt.NDArray[np.int64]


def draw_orders(
    rng: np.random.Generator,
    population: Population,
    day_ms: int,
    hours: tuple[int, int],
    count: int,
    settled_coin: int,
) -> Orders:
    """Draw the orders of a day, or of some hours of it.

    Parameters
    ----------
    rng : Generator
        Of these hours only.
    population : Population
    day_ms : int
        Midnight, milliseconds since the epoch.
    hours : tuple of int
        First hour, and the hour to end before.
    count : int
        Orders drawn; scalpers' exits and TWAP slices come on top.
    settled_coin : int
        Coin that the exchange settles in the afternoon of the day, -1 for none.

    Returns
    -------
    Orders
        Sorted by time.
    """
    times = np.sort(times_of_day(rng, hours, count))
    traders = np.searchsorted(population.activity, rng.random(count)).astype(np.int64)
    traders = np.minimum(traders, len(population.table) - 1)
    column = rng.integers(0, FAVOURITES, size=count)
    coins = population.favourites[traders, column].astype(np.int64)
    roles = population.table["role"][traders]
    kinds = _kinds(rng, roles)
    # Bursts: an order in the block of the one before it, often by the same trader.
    burst = rng.random(count) < 0.05
    same = burst & (rng.random(count) < 0.4) & (kinds == Order.NORMAL)
    burst[:1] = same[:1] = False
    follower = np.flatnonzero(burst)
    times[follower] = times[follower - 1]
    twin = np.flatnonzero(same)
    traders[twin] = traders[twin - 1]
    coins[twin] = coins[twin - 1]

    twaps = np.zeros(count, dtype=np.int64)
    parents = np.flatnonzero(kinds == Order.TWAP_SLICE)
    first_twap = (day_ms // DAY_MS * 24 + hours[0]) * _TWAPS_AN_HOUR
    twaps[parents] = first_twap + np.arange(len(parents))
    drawn = (times, traders, coins, kinds, twaps)
    # The exchange acts first in a block: nobody has traded what it closes.
    parts = [
        _housekeeping(settled_coin),
        drawn,
        _exits(rng, population, drawn),
        _slices(rng, drawn),
    ]
    time, trader, coin, kind, twap = (
        np.concatenate(column) for column in zip(*parts, strict=True)
    )
    keep = (time >= hours[0] * HOUR_MS) & (time < hours[1] * HOUR_MS)
    slots = (day_ms + time[keep]) // BLOCK_MS
    order = np.argsort(slots, kind="stable")
    return Orders(
        slots=slots[order],
        traders=trader[keep][order].astype(np.int64),
        coins=coin[keep][order].astype(np.int64),
        kinds=kind[keep][order].astype(np.int64),
        twaps=twap[keep][order],
    )


_Part = tuple[
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
    npt.NDArray[np.int64],
]


def _kinds(
    rng: np.random.Generator, roles: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    kinds = np.full(len(roles), Order.NORMAL, dtype=np.int64)
    draw = rng.random(len(roles))
    can_miss = np.isin(roles, (Role.RETAIL, Role.LOSER, Role.WINNER))
    kinds[can_miss & (draw < 0.0018)] = Order.HIDDEN_FLIP
    kinds[can_miss & (draw < 0.0012)] = Order.HIDDEN_CLOSE
    kinds[can_miss & (draw < 0.0006)] = Order.HIDDEN_RESIZE
    twap = np.isin(roles, (Role.RETAIL, Role.WINNER)) & (draw > 0.996)
    kinds[twap] = Order.TWAP_SLICE
    return kinds


def _exits(rng: np.random.Generator, population: Population, drawn: _Part) -> _Part:
    times, traders, coins, _, _ = drawn
    chosen = np.flatnonzero(population.table["role"][traders] == Role.SCALPER)
    wait = rng.exponential(_SCALP_MEAN_MS, size=len(chosen)).astype(np.int64)
    kinds = np.full(len(chosen), Order.SCALP_EXIT, dtype=np.int64)
    none = np.zeros(len(chosen), dtype=np.int64)
    return times[chosen] + 1_000 + wait, traders[chosen], coins[chosen], kinds, none


def _slices(rng: np.random.Generator, drawn: _Part) -> _Part:
    times, traders, coins, kinds, twaps = drawn
    first = np.flatnonzero(kinds == Order.TWAP_SLICE)
    copies = rng.integers(4, 12, size=len(first))
    chosen = first.repeat(copies)
    nth = np.arange(len(chosen)) - (np.cumsum(copies) - copies).repeat(copies)
    later = times[chosen] + (nth + 1) * _TWAP_SPACING_MS
    return later, traders[chosen], coins[chosen], kinds[chosen], twaps[chosen]


def _housekeeping(settled_coin: int) -> _Part:
    events = [
        (0, Order.DUST, _NOBODY),
        (_NETTING_HOUR * HOUR_MS, Order.NET_VAULTS, _NOBODY),
    ]
    if settled_coin >= 0:
        events.append((_SETTLEMENT_HOUR * HOUR_MS, Order.SETTLE, settled_coin))
    times, kinds, coins = zip(*events, strict=True)
    return (
        np.array(times, dtype=np.int64),
        np.full(len(events), _NOBODY, dtype=np.int64),
        np.array(coins, dtype=np.int64),
        np.array(kinds, dtype=np.int64),
        np.zeros(len(events), dtype=np.int64),
    )
