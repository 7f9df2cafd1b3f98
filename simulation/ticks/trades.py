"""Taker orders and the trades they make: when, on which side, at what price and size.

Orders come in bursts and keep to a side for minutes, as the market's activity and
pressure have it; most of them make one trade, a few sweep hundreds of makers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.ticks.market import SECOND_US, Market
from simulation.ticks.venues import ADL, INSURANCE_FUND, TICK, Venue

Ints = npt.NDArray[np.int64]

# Exponent of the power law of trades in an order, and where it is cut off.
_TRADES_TAIL = 1.5
_TRADES_LIMIT = 700
# How strongly the pressure decides the side of an order.
_CONVICTION = 3.0
# Every part with so many trades has an order that sweeps hundreds of makers.
_SWEEP_FROM = 3_000
_SWEEP_TRADES = (300, _TRADES_LIMIT)
# A millisecond of a sweep has room for all of it.
_LAST_START_US = 800
_TRADES_PER_US = 8
# In a planted pattern, which one sweep would otherwise dominate.
_PLANTED_TRADES_LIMIT = 10
# One trade in so many of a sweep is at the next level or beyond.
_NEXT_LEVEL_SHARE = 0.12
# Sizes, BTC: those of machines and of people who like round numbers.
_MACHINE_SIZES = (0.00009, 0.0001, 0.00013, 0.00017, 0.0002, 0.0004)
_ROUND_SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0)
_SIZE_LIMIT = 60.0
# In a planted pattern, whose flow one trade would otherwise dominate.
_PLANTED_SIZE_LIMIT = 0.1
# One of so many rows of a futures stream is no market trade.
_OTHER_ROW_EVERY = 20_000


def quotes(venue: Venue, market: Market, times: Ints) -> Ints:
    """Return the best bid at some times; the best ask is one tick above it.

    Parameters
    ----------
    venue : Venue
    market : Market
    times : ndarray of int64
        µs since the epoch, within the tape.

    Returns
    -------
    ndarray of int64
        Price units of the venue.
    """
    price = market.prices(times) * (1.0 + venue.basis)
    return np.floor(price * 10.0**venue.price_places).astype(np.int64)


def draw_trades(
    venue: Venue,
    market: Market,
    part: slice,
    count: int,
    holes: list[tuple[int, int]],
    random: np.random.Generator,
) -> npt.NDArray[Any]:
    """Draw a venue's trades during a part of the tape.

    Parameters
    ----------
    venue : Venue
    market : Market
    part : slice
        Of the market's seconds.
    count : int
        Market trades wanted, exactly.
    holes : list of (int, int)
        Seconds of the tape from and to which there are none.
    random : Generator

    Returns
    -------
    ndarray of `TICK`, shape (count or somewhat more,)
        In order of time; ids count up from 0. Futures have rows of other kinds besides.
    """
    others = 0
    if venue.has_other_rows and count > 0:
        others = 2 * max(1, count // _OTHER_ROW_EVERY)
    second, trades = _orders(market, part, count + others, holes, random)
    milliseconds = random.integers(0, 1000, len(second))
    starts = second * SECOND_US + milliseconds * 1000
    starts += market.start + random.integers(0, _LAST_START_US, len(second))
    by_time = np.argsort(starts, kind="stable")
    second, starts, trades = second[by_time], starts[by_time], trades[by_time]
    buys = 1.0 / (1.0 + np.exp(-_CONVICTION * market.pressure[second]))
    sides = np.where(random.random(len(second)) < buys, 1, -1)
    order = np.repeat(np.arange(len(second)), trades)
    place = np.arange(len(order)) - (np.cumsum(trades) - trades)[order]
    rows = np.zeros(len(order), dtype=TICK)
    rows["order"], rows["side"] = order, sides[order]
    # Orders of the same moment interleave: the venue's ids follow the time.
    rows["ts"] = np.maximum.accumulate(starts[order] + place // _TRADES_PER_US)
    is_coarse = rows["ts"] < venue.microseconds_from
    rows["ts"] -= rows["ts"] % 1000 * is_coarse
    best = quotes(venue, market, starts) + (sides > 0)
    walked = _levels_walked(venue, trades, order, random)
    rows["price"] = best[order] + rows["side"] * walked
    is_planted = market.is_planted[second][order]
    rows["size"] = _sizes(venue, rows["price"], is_planted, random)
    rows["seq"] = np.arange(len(rows))
    if not venue.is_consecutive:
        rows["seq"] = np.cumsum(random.geometric(0.1, len(rows))) - 1
    if others > 0:
        other = random.choice(len(rows), others, replace=False)
        rows["kind"][other[::2]] = INSURANCE_FUND
        rows["kind"][other[1::2]] = ADL
    return rows


def _orders(
    market: Market,
    part: slice,
    count: int,
    holes: list[tuple[int, int]],
    random: np.random.Generator,
) -> tuple[Ints, Ints]:
    """Draw the seconds of orders, and how many trades each makes, `count` in all."""
    activity = market.activity[part].copy()
    for first, last in holes:
        activity[max(first - part.start, 0) : max(last - part.start, 0)] = 0.0
    elapsed = np.cumsum(activity, dtype=np.float64)
    drawn = random.random(count) * elapsed[-1]
    second = np.searchsorted(elapsed, drawn, side="right") + part.start
    tail = (1.0 - random.random(count)) ** (-1.0 / _TRADES_TAIL)
    is_planted = market.is_planted[second]
    limit = np.where(is_planted, _PLANTED_TRADES_LIMIT, _TRADES_LIMIT)
    trades = np.minimum(tail, limit).astype(np.int64)
    if count >= _SWEEP_FROM:
        trades[np.argmin(is_planted)] = random.integers(*_SWEEP_TRADES)
    ends = np.cumsum(trades)
    orders = int(np.searchsorted(ends, count)) + 1 if count else 0
    trades = trades[:orders]
    trades[-1:] -= ends[orders - 1 : orders] - count
    return second[:orders], trades


def _levels_walked(
    venue: Venue, trades: Ints, order: Ints, random: np.random.Generator
) -> Ints:
    """Let sweeps walk away from the best price, level by level; price units."""
    levels = np.zeros(len(order), dtype=np.int64)
    is_next = random.random(len(order)) < _NEXT_LEVEL_SHARE
    levels[is_next] = random.geometric(0.3, int(is_next.sum()))
    walked = np.cumsum(levels)
    walked -= walked[np.cumsum(trades) - trades][order]
    # On a coarser grid than a cent each level has more volume.
    return np.asarray(walked // 10 ** (2 - venue.price_places))


def _sizes(
    venue: Venue,
    prices: Ints,
    is_planted: npt.NDArray[np.bool_],
    random: np.random.Generator,
) -> Ints:
    """Draw sizes: a machine's, a round number, or anything, with a heavy tail."""
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
        # Contracts of dollars are worth more bitcoins at a lower price.
        sizes *= prices / 10.0**venue.price_places / venue.contract_usd
    units = np.round(sizes * 10.0**venue.size_places).astype(np.int64)
    return np.maximum(units, 1)
