"""Order-book lines of a Binance spot recording: quotes, depth updates, a snapshot."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.noise import scramble
from simulation.text import filled, fixed_text, integer_text, join
from simulation.ticks.market import STEP_US, Market
from simulation.ticks.trades import quotes
from simulation.ticks.venues import Venue

Ints = npt.NDArray[np.int64]

# Levels kept near the price, in ticks behind the best one.
_OFFSETS = (0, 1, 4, 25, 180)
# Levels of the snapshot that no price reaches: shares of the price and sizes.
_FAR = tuple((0.03 + 0.002 * level, 5_000_000 * (level + 1)) for level in range(15))
_UPDATES_A_STEP = 10
# One step in so many has no change of the best price or size to tell.
_QUIET_EVERY = np.uint64(5)
_DEPTH = (
    '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":<ms>,'
    '"s":"<symbol>","U":<first>,"u":<last>,"b":[<bids>],"a":[<asks>]}}\n'
)
_QUOTE = (
    '{"stream":"btcusdt@bookTicker","data":{"u":<update>,"s":"<symbol>",'
    '"b":"<bid>","B":"<bid_size>","a":"<ask>","A":"<ask_size>"}}\n'
)


def book_lines(
    venue: Venue, market: Market, start: int, end: int
) -> tuple[pa.Array, Ints]:
    """Print the book that follows the quotes during one recording.

    The levels near the price are replaced at each step, so that the book that a reader
    folds is never crossed.

    Parameters
    ----------
    venue : Venue
    market : Market
    start, end : int
        µs since the epoch, at steps.

    Returns
    -------
    lines : StringArray
        The snapshot a recorder asks for first, then quotes, then depth updates; without
        the time of receipt.
    times : ndarray of int64
        When the venue sent them, µs since the epoch.
    """
    steps = np.arange(start // STEP_US, end // STEP_US)
    times = steps * STEP_US
    bid = quotes(venue, market, times)
    # The snapshot is of the first step, which therefore changes nothing.
    before = np.append(bid[:1], bid[:-1])
    noise = scramble(steps)
    tells = np.flatnonzero(noise % _QUIET_EVERY != 0)
    depth = filled(
        _DEPTH,
        {
            "ms": integer_text((times + STEP_US) // 1000),
            "symbol": venue.symbol,
            "first": integer_text(steps * _UPDATES_A_STEP + 1),
            "last": integer_text((steps + 1) * _UPDATES_A_STEP),
            "bids": _side(venue, steps, bid, before, -1),
            "asks": _side(venue, steps, bid + 1, before + 1, 1),
        }.__getitem__,
    )
    quote = filled(
        _QUOTE,
        {
            "update": integer_text(steps[tells] * _UPDATES_A_STEP + 5),
            "symbol": venue.symbol,
            "bid": _price_text(venue, bid[tells]),
            "bid_size": fixed_text(_sizes(steps[tells], -1, 0), 8),
            "ask": _price_text(venue, bid[tells] + 1),
            "ask_size": fixed_text(_sizes(steps[tells], 1, 0), 8),
        }.__getitem__,
    )
    snapshot = pa.array([_snapshot(venue, int(bid[0]), int(steps[0]))])
    sent = times[tells] + (noise[tells] % np.uint64(STEP_US)).astype(np.int64)
    lines = pa.concat_arrays([snapshot, quote, depth])
    return lines, np.concatenate([[start], sent, times + STEP_US])


def _snapshot(venue: Venue, bid: int, step: int) -> str:
    sides = []
    for away in (-1, 1):
        near = [bid + (away > 0) + away * offset for offset in _OFFSETS]
        far = [int(bid * (1 + away * share)) for share, _ in _FAR]
        sizes = [_sizes(np.array([step - 1]), away, i)[0] for i in range(len(_OFFSETS))]
        sizes += [size for _, size in _FAR]
        levels = _levels(venue, np.array(near + far), np.array(sizes))
        sides.append(",".join(levels.to_pylist()))
    update = step * _UPDATES_A_STEP
    return f'{{"lastUpdateId":{update},"bids":[{sides[0]}],"asks":[{sides[1]}]}}\n'


def _side(venue: Venue, steps: Ints, best: Ints, before: Ints, away: int) -> pa.Array:
    """Print `["price","size"]` lists: levels left, size 0, and levels set."""
    levels = [best + away * offset for offset in _OFFSETS]
    pieces: list[pa.Array] = []
    for offset in _OFFSETS:
        old = before + away * offset
        is_kept = np.logical_or.reduce([old == level for level in levels])
        gone = join(_levels(venue, old, np.zeros_like(old)), ",")
        pieces.append(pc.if_else(pa.array(is_kept), "", gone))
    for number, level in enumerate(levels):
        comma = "," if number else ""
        pieces += [comma, _levels(venue, level, _sizes(steps, away, number))]
    return join(*pieces)


def _levels(venue: Venue, prices: Ints, sizes: Ints) -> pa.Array:
    return join('["', _price_text(venue, prices), '","', fixed_text(sizes, 8), '"]')


def _price_text(venue: Venue, price: Ints) -> pa.Array:
    return fixed_text(price * 10 ** (8 - venue.price_places), 8)


def _sizes(steps: Ints, away: int, level: int) -> Ints:
    """Return sizes at a level, 10 ** -8 BTC: the same for the same step and level."""
    noise = scramble(steps * 64 + level + (11 if away > 0 else 1))
    share = (noise >> np.uint64(11)).astype(np.float64) / 2**53
    return np.asarray(np.exp(3.0 * share) * 20_000_000, dtype=np.int64)
