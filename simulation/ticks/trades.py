"""Taker orders and the trades they make: when, and on which side.

Traders split what they want into orders that follow one another (a metaorder). This
gives both of the regularities of trade tapes: clustered arrivals, as of a self-exciting
process (each order brings further ones), and a side that persists over many trades,
after F. Lillo, S. Mike and J. D. Farmer, "Theory for long memory in supply and demand",
Physical Review E 71 (2005).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simulation.ticks.market import STEP_US, Stretch
from simulation.ticks.venues import ADL, INSURANCE_FUND, TICK, Venue

Ints = npt.NDArray[np.int64]

# Exponents of the power laws of orders in a metaorder and of trades in an order, and
# where they are cut off.
_METAORDER_TAIL = 1.4
_METAORDER_LIMIT = 1_000
_TRADES_TAIL = 1.5
_TRADES_LIMIT = 700
# Orders in a metaorder and trades in an order, on average: zeta of the exponents.
_MEAN_TRADES = 3.1 * 2.6
# A metaorder is over within about so many seconds.
_METAORDER_SECONDS = 25.0
# One order against the side of its metaorder in so many.
_CONTRARY_SHARE = 0.08
# Every stretch with so many trades has an order that sweeps hundreds of makers.
_SWEEP_FROM = 3_000
_SWEEP_TRADES = (300, _TRADES_LIMIT)
# A millisecond of a sweep has room for all of it.
_LAST_START_US = 800
_TRADES_PER_US = 8
# In a planted pattern, of which one sweep or metaorder would else be the most.
_PLANTED_TRADES_LIMIT = 10
_PLANTED_METAORDER_LIMIT = 4
# One trade in so many of a sweep is at the next level or beyond.
_NEXT_LEVEL_SHARE = 0.12
# Sizes, BTC: those of machines and of people who like round numbers.
_MACHINE_SIZES = (0.00009, 0.0001, 0.00013, 0.00017, 0.0002, 0.0004)
_ROUND_SIZES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0)
_SIZE_LIMIT = 60.0
# In a planted pattern, of whose flow one trade would else be the most.
_PLANTED_SIZE_LIMIT = 0.1
# One of so many rows of a futures stream is no market trade.
_OTHER_ROW_EVERY = 20_000


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


def trades(
    venue: Venue,
    stretch: Stretch,
    count: int,
    holes: list[tuple[int, int]],
    random: np.random.Generator,
) -> npt.NDArray[Any]:
    """Make a venue's trades during a part of the tape.

    Parameters
    ----------
    venue : Venue
    stretch : Stretch
    count : int
        Market trades wanted, exactly.
    holes : list of (int, int)
        Times, µs, from and to which there are none.
    random : Generator

    Returns
    -------
    ndarray of `TICK`, shape (count or somewhat more,)
        In order of time; ids count up from 0. Futures have rows of other kinds besides.
    """
    others = 0
    if venue.has_other_rows and count > 0:
        others = 2 * max(1, count // _OTHER_ROW_EVERY)
    starts, sides, sizes = _orders(venue, stretch, count + others, holes, random)
    order = np.repeat(np.arange(len(starts)), sizes)
    place = np.arange(len(order)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = np.zeros(len(order), dtype=TICK)
    rows["order"] = order
    # Orders of the same moment interleave: the venue's ids follow the time.
    rows["ts"] = np.maximum.accumulate(starts[order] + place // _TRADES_PER_US)
    is_coarse = rows["ts"] < venue.microseconds_from
    rows["ts"] -= rows["ts"] % 1000 * is_coarse
    rows["side"] = sides[order]
    rows["price"] = _prices(venue, stretch, starts, sides, sizes, order, random)
    is_planted = _is_planted(stretch, rows["ts"])
    rows["size"] = _sizes(venue, rows["price"], is_planted, random)
    rows["seq"] = np.arange(len(rows))
    if not venue.is_consecutive:
        rows["seq"] = np.cumsum(random.geometric(0.1, len(rows))) - 1
    if others > 0:
        other = random.choice(len(rows), others, replace=False)
        rows["kind"][other[::2]] = INSURANCE_FUND
        rows["kind"][other[1::2]] = ADL
    return rows


def _power_law(
    random: np.random.Generator, count: int, tail: float, limit: int
) -> Ints:
    drawn = np.minimum((1.0 - random.random(count)) ** (-1.0 / tail), limit)
    return drawn.astype(np.int64)


def _orders(
    venue: Venue,
    stretch: Stretch,
    count: int,
    holes: list[tuple[int, int]],
    random: np.random.Generator,
) -> tuple[Ints, npt.NDArray[np.int8], Ints]:
    """Draw orders until their trades suffice, then leave out some at random."""
    parts: list[tuple[Ints, npt.NDArray[np.int8], Ints]] = []
    missing = count
    while missing > 0:
        times, sides = _metaorders(stretch, missing, random)
        keep = np.ones(len(times), dtype=np.bool_)
        for first, last in holes:
            keep &= (times < first) | (times >= last)
        sizes = _power_law(random, len(times), _TRADES_TAIL, _TRADES_LIMIT)
        limit = np.where(_is_planted(stretch, times), _PLANTED_TRADES_LIMIT, sizes)
        sizes = np.minimum(sizes, limit)
        parts.append((times[keep], sides[keep], sizes[keep]))
        missing -= int(parts[-1][2].sum())
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.int8), np.empty(0, np.int64)
    times, sides, sizes = (np.concatenate(part) for part in zip(*parts, strict=True))
    chosen = random.permutation(len(times))
    if count >= _SWEEP_FROM:
        sweep = int(np.argmin(_is_planted(stretch, times[chosen])))
        chosen[0], chosen[sweep] = chosen[sweep], chosen[0]
        sizes[chosen[0]] = random.integers(*_SWEEP_TRADES)
    ends = np.cumsum(sizes[chosen])
    chosen = chosen[: int(np.searchsorted(ends, count)) + 1]
    sizes[chosen[-1]] -= ends[len(chosen) - 1] - count
    chosen = chosen[np.argsort(times[chosen], kind="stable")]
    return times[chosen], sides[chosen], sizes[chosen]


def _is_planted(stretch: Stretch, times: Ints) -> npt.NDArray[np.bool_]:
    return stretch.is_planted[(times - stretch.start) // 1_000_000]


def _metaorders(
    stretch: Stretch, trade_count: int, random: np.random.Generator
) -> tuple[Ints, npt.NDArray[np.int8]]:
    """Draw the orders of enough metaorders for about so many trades.

    Returns
    -------
    times : ndarray of int64
        µs since the epoch, not sorted.
    sides : ndarray of int8
    """
    metaorders = int(trade_count / _MEAN_TRADES * 1.3) + 8
    seconds = len(stretch.activity)
    elapsed = np.append(0.0, np.cumsum(stretch.activity))
    begin = np.interp(
        random.random(metaorders) * elapsed[-1], elapsed, np.arange(seconds + 1)
    )
    first = np.minimum(begin.astype(np.int64), seconds - 1)
    is_planted = stretch.is_planted[first]
    # A metaorder does not make up the most of a short stretch.
    limit = min(_METAORDER_LIMIT, 5 + trade_count // 200)
    orders = _power_law(random, metaorders, _METAORDER_TAIL, limit)
    orders[is_planted] = np.minimum(orders[is_planted], _PLANTED_METAORDER_LIMIT)
    pace = np.minimum(
        np.exp(random.normal(-1.0, 1.2, metaorders)), _METAORDER_SECONDS / orders
    )
    buys = 1.0 / (1.0 + np.exp(-1.3 * stretch.pressure[first]))
    buys = random.random(metaorders) < buys
    total = int(orders.sum())
    waits = random.standard_exponential(total) * np.repeat(pace, orders)
    passed = np.cumsum(waits)
    passed -= np.repeat(passed[np.cumsum(orders) - orders], orders)
    # What would fall behind the end falls behind the start.
    second = (np.repeat(begin, orders) + passed) % seconds
    contrary = random.random(total) < _CONTRARY_SHARE
    sides = np.where(np.repeat(buys, orders) ^ contrary, 1, -1).astype(np.int8)
    times = np.floor(second * 1000.0).astype(np.int64) * 1000
    times += random.integers(0, _LAST_START_US, total)
    times += stretch.start
    # Patterns have metaorders of their own only.
    keep = np.repeat(is_planted, orders) | ~_is_planted(stretch, times)
    return times[keep], sides[keep]


def _prices(
    venue: Venue,
    stretch: Stretch,
    starts: Ints,
    sides: npt.NDArray[np.int8],
    sizes: Ints,
    order: Ints,
    random: np.random.Generator,
) -> Ints:
    """Let orders take the best price, and sweeps walk away from it level by level."""
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
        sizes *= prices / 10.0**venue.price_places / venue.contract_usd
    units = np.round(sizes * 10.0**venue.size_places).astype(np.int64)
    return np.maximum(units, 1)
