"""Order-book lines of a Binance spot recording: quotes, depth updates, a snapshot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from simulation.noise import scramble
from simulation.text import fixed_text, integer_text, join
from simulation.ticks.market import STEP_US, Stretch
from simulation.ticks.pricing import quotes
from simulation.ticks.venues import Venue

Ints = npt.NDArray[np.int64]

# Levels kept near the price, in ticks behind the best one.
_OFFSETS = (0, 1, 4, 25, 180)
# Levels of the snapshot that no price reaches: shares of the price and sizes.
_FAR = tuple((0.03 + 0.002 * level, 5_000_000 * (level + 1)) for level in range(15))
_UPDATES_A_STEP = 10
# One step in so many has no change of the best price or size to tell.
_QUIET_EVERY = np.uint64(5)
_EMPTY = "0.00000000"


@dataclass(frozen=True)
class BookLines:
    """Lines of a recording besides its trades.

    Attributes
    ----------
    lines : StringArray
        From the JSON on, without the time of receipt.
    times : ndarray of int64
        When the venue sent them, µs since the epoch.
    """

    lines: pa.Array
    times: Ints


class Book:
    """Prints the book of one recording, which follows the quotes.

    The levels near the price are replaced at each step, so that the book that a reader
    folds is never crossed.

    Parameters
    ----------
    venue : Venue
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._bid: int | None = None

    def snapshot(self, stretch: Stretch, start: int) -> str:
        """Print the message a recorder asks for first.

        Parameters
        ----------
        stretch : Stretch
        start : int
            µs since the epoch, at a step.
        """
        if self._bid is None:
            self._bid = int(quotes(self._venue, stretch, np.array([start]))[0])
        step = np.array([start // STEP_US - 1])
        bids, asks = [], []
        for level, offset in enumerate(_OFFSETS):
            bids.append((self._bid - offset, int(_sizes(step, level)[0])))
            asks.append((self._bid + 1 + offset, int(_sizes(step, level + 10)[0])))
        for share, size in _FAR:
            bids.append((int(self._bid * (1 - share)), size))
            asks.append((int(self._bid * (1 + share)), size))
        sides = [
            ",".join(
                f'["{price}","{quantity}"]'
                for price, quantity in zip(
                    self._price_text(np.array([p for p, _ in side])).to_pylist(),
                    fixed_text(np.array([q for _, q in side]), 8).to_pylist(),
                    strict=True,
                )
            )
            for side in (bids, asks)
        ]
        update = int(step[0] + 1) * _UPDATES_A_STEP
        return f'{{"lastUpdateId":{update},"bids":[{sides[0]}],"asks":[{sides[1]}]}}\n'

    def lines(self, stretch: Stretch, start: int, end: int) -> BookLines:
        """Print quotes and depth updates.

        Parameters
        ----------
        stretch : Stretch
        start, end : int
            µs since the epoch, within the stretch.

        Returns
        -------
        BookLines
            All quotes, then all depth updates.
        """
        steps = np.arange(-(-start // STEP_US), end // STEP_US)
        times = steps * STEP_US
        bid = quotes(self._venue, stretch, times)
        if len(bid) == 0:
            return BookLines(pa.array([], pa.string()), times)
        first = bid[0] if self._bid is None else self._bid
        before = np.append(first, bid[:-1])
        self._bid = int(bid[-1])
        noise = scramble(steps.astype(np.uint64))
        tells = np.flatnonzero(noise % _QUIET_EVERY != 0)
        depth = join(
            '{"stream":"btcusdt@depth@100ms","data":{"e":"depthUpdate","E":',
            *(integer_text((times + STEP_US) // 1000), f',"s":"{self._venue.symbol}"'),
            *(',"U":', integer_text(steps * _UPDATES_A_STEP + 1)),
            *(',"u":', integer_text((steps + 1) * _UPDATES_A_STEP), ',"b":['),
            *(self._side(steps, bid, before, -1), '],"a":['),
            *(self._side(steps, bid + 1, before + 1, 1), "]}}\n"),
        )
        quote = join(
            '{"stream":"btcusdt@bookTicker","data":{"u":',
            integer_text(steps[tells] * _UPDATES_A_STEP + 5),
            *(f',"s":"{self._venue.symbol}","b":"', self._price_text(bid[tells])),
            *('","B":"', fixed_text(_sizes(steps[tells], 0), 8)),
            *('","a":"', self._price_text(bid[tells] + 1)),
            *('","A":"', fixed_text(_sizes(steps[tells], 10), 8), '"}}\n'),
        )
        sent = times[tells] + (noise[tells] % np.uint64(STEP_US)).astype(np.int64)
        return BookLines(
            pa.concat_arrays([quote, depth]), np.concatenate([sent, times + STEP_US])
        )

    def _side(self, steps: Ints, best: Ints, before: Ints, away: int) -> pa.Array:
        """Print `["price","size"]` lists: levels left, size 0, and levels set."""
        levels = [best + away * offset for offset in _OFFSETS]
        pieces: list[Any] = []
        for offset in _OFFSETS:
            old = before + away * offset
            is_kept = np.logical_or.reduce([old == level for level in levels])
            gone = join('["', self._price_text(old), f'","{_EMPTY}"],')
            pieces.append(pc.if_else(pa.array(is_kept), "", gone))
        for number, level in enumerate(levels):
            size = _sizes(steps, number + (10 if away > 0 else 0))
            pieces += ["," if number else "", '["', self._price_text(level), '","']
            pieces += [fixed_text(size, 8), '"]']
        return join(*pieces)

    def _price_text(self, price: Ints) -> pa.Array:
        return fixed_text(price * 10 ** (8 - self._venue.price_places), 8)


def _sizes(steps: Ints, level: int) -> Ints:
    """Return sizes at a level, 10 ** -8 BTC: the same for the same step and level."""
    noise = scramble(steps.astype(np.uint64) * np.uint64(64) + np.uint64(level + 1))
    share = (noise >> np.uint64(11)).astype(np.float64) / 2**53
    sizes: Ints = np.floor(np.exp(3.0 * share) * 20_000_000).astype(np.int64)
    return sizes
