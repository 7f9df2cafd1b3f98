"""Quotes and depth of a recording, folded into its five-minute windows.

Quotes have no time of their own in the spot streams. The receive time is no substitute:
it comes from another clock, which was more than a second behind in recordings seen. So
a line without an event time has that of the latest line before it that has one; before
the first such line of a chunk, the first one's; without any, the receive time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from loaders.ticks.formats.depth import DepthBook, DepthMessages
from loaders.ticks.formats.levels import PLACES

Integers = npt.NDArray[np.int64]

WINDOW = timedelta(minutes=5)
DEPTH_LEVELS = 20

_WINDOW_US = WINDOW // timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: A single event time that differs from both neighbours by more is damage, in µs.
_JUMP_US = 60_000_000
_REMEMBERED = 1000


@dataclass(frozen=True)
class Quotes:
    """Best bids and asks in the order they came.

    Attributes
    ----------
    times : ndarray of int64, shape (n,)
        µs since the epoch.
    bids, asks, bid_sizes, ask_sizes : ndarray of int64, shape (n,)
        × 10^8; a price of zero is an empty side.
    """

    times: Integers
    bids: Integers
    asks: Integers
    bid_sizes: Integers
    ask_sizes: Integers


class EventClock:
    """Gives every line of a recording an event time."""

    def __init__(self) -> None:
        self._latest = 0

    def times(
        self, events: Integers, has_event: npt.NDArray[np.bool_], received: Integers
    ) -> Integers:
        """Fill in the times of lines without one.

        Parameters
        ----------
        events : ndarray of int64, shape (n,)
            Event times in µs, where ``has_event``.
        received : ndarray of int64, shape (n,)
            Receive times in µs, or 0.

        Returns
        -------
        ndarray of int64, shape (n,)
            0 where nothing is known.
        """
        marks = np.flatnonzero(has_event)
        marks = marks[~_is_outlier(events[marks], self._latest)]
        if not len(marks) and not self._latest:
            return received
        known = events[marks]
        latest = self._latest or int(known[0])
        before = np.searchsorted(marks, np.arange(len(events)), side="right")
        times: Integers = np.concatenate(([latest], known))[before]
        if len(marks):
            self._latest = int(known[-1])
        return times


def _is_outlier(times: Integers, latest: int) -> npt.NDArray[np.bool_]:
    before = np.concatenate(([latest or (times[0] if len(times) else 0)], times[:-1]))
    after = np.concatenate((times[1:], times[-1:]))
    is_far = (abs(times - before) > _JUMP_US) & (abs(times - after) > _JUMP_US)
    outlier: npt.NDArray[np.bool_] = is_far & (abs(after - before) <= _JUMP_US)
    return outlier


class _Window:
    """What is known of one window."""

    def __init__(self) -> None:
        self.quotes = 0
        self.depth_updates = 0
        self.time = 0
        self.best: tuple[int, int, int, int] | None = None
        self.spreads = 0
        self.spread_sum = 0
        self.spread_min: int | None = None
        self.spread_max: int | None = None
        self.depth: dict[str, Any] | None = None

    def add_quotes(self, quotes: Quotes, rows: Integers) -> None:
        self.quotes += len(rows)
        last = rows[-1]
        self.best = (
            int(quotes.bids[last]),
            int(quotes.bid_sizes[last]),
            int(quotes.asks[last]),
            int(quotes.ask_sizes[last]),
        )
        self.time = max(self.time, int(quotes.times[rows].max()))
        two_sided = rows[(quotes.bids[rows] > 0) & (quotes.asks[rows] > 0)]
        if not len(two_sided):
            return
        spreads = quotes.asks[two_sided] - quotes.bids[two_sided]
        self.spreads += len(spreads)
        # In halves: any number of 64-bit spreads adds up exactly.
        high, low = int((spreads >> 32).sum()), int((spreads & 0xFFFFFFFF).sum())
        self.spread_sum += (high << 32) + low
        least, most = int(spreads.min()), int(spreads.max())
        if self.spread_min is None or self.spread_max is None:
            self.spread_min, self.spread_max = least, most
        self.spread_min = min(least, self.spread_min)
        self.spread_max = max(most, self.spread_max)

    def set_depth(self, book: DepthBook, times: Integers) -> None:
        self.depth_updates += len(times)
        self.time = max(self.time, int(times.max()))
        self.depth = {
            "bids": _texts(book.bids.best(DEPTH_LEVELS)),
            "asks": _texts(book.asks.best(DEPTH_LEVELS)),
            "is_complete": book.is_complete,
        }

    def to_json(self, size_unit: str) -> dict[str, Any]:
        best = [_text(value) for value in self.best or (0, 0, 0, 0)]
        bid, bid_size, ask, ask_size = (text if self.best else None for text in best)
        if self.best is None and self.depth is not None:
            bid, bid_size = next(iter(self.depth["bids"]), (None, None))
            ask, ask_size = next(iter(self.depth["asks"]), (None, None))
        return {
            "time": (_EPOCH + timedelta(microseconds=self.time)).isoformat(),
            "best_bid": bid,
            "best_bid_size": bid_size,
            "best_ask": ask,
            "best_ask_size": ask_size,
            "size_unit": size_unit,
            "quote_count": self.quotes,
            "depth_update_count": self.depth_updates,
            "spread_mean": self._mean(),
            "spread_min": _text(self.spread_min),
            "spread_max": _text(self.spread_max),
            "depth": self.depth,
        }

    def _mean(self) -> str | None:
        if not self.spreads:
            return None
        # Half up is good enough here; the sum is exact.
        return _text((2 * self.spread_sum + self.spreads) // (2 * self.spreads))


class BookFold:
    """Folds the book lines of one object.

    Parameters
    ----------
    size_unit
        What sizes are in, such as ``BTC``.
    """

    def __init__(self, size_unit: str) -> None:
        self._size_unit = size_unit
        self._book = DepthBook()
        self._open: dict[int, _Window] = {}
        self._finished: deque[int] = deque(maxlen=_REMEMBERED)

    def add(
        self, quotes: Quotes, messages: DepthMessages, message_times: Integers
    ) -> dict[datetime, dict[str, Any]]:
        """Take in the book lines of a chunk; hand out the windows before its last."""
        quote_windows = quotes.times // _WINDOW_US
        depth_windows = message_times // _WINDOW_US
        both = np.concatenate((quote_windows, depth_windows))
        for number in np.unique(both).tolist():
            in_quotes = np.flatnonzero(quote_windows == number)
            in_depth = depth_windows == number
            if in_depth.any():
                self._book.apply(messages, in_depth)
            # A straggler of a window that was handed out adds nothing to it.
            if number in self._finished:
                continue
            window = self._open.setdefault(number, _Window())
            if len(in_quotes):
                window.add_quotes(quotes, in_quotes)
            if in_depth.any():
                window.set_depth(self._book, message_times[in_depth])
        if not len(both):
            return {}
        ends = [w[-1] for w in (quote_windows, depth_windows) if len(w)]
        return self._hand_out([n for n in self._open if n < max(ends)])

    def rest(self) -> dict[datetime, dict[str, Any]]:
        """Hand out what is left at the end of the object."""
        return self._hand_out(list(self._open))

    def _hand_out(self, numbers: list[int]) -> dict[datetime, dict[str, Any]]:
        self._finished.extend(numbers)
        return {
            _EPOCH + number * WINDOW: self._open.pop(number).to_json(self._size_unit)
            for number in sorted(numbers)
        }


def _text(value: int | None) -> str | None:
    if value is None:
        return None
    whole, fraction = divmod(value, 10**PLACES)
    return f"{whole}.{fraction:0{PLACES}d}".rstrip("0").rstrip(".")


def _texts(levels: list[tuple[int, int]]) -> list[list[str | None]]:
    return [[_text(price), _text(size)] for price, size in levels]
