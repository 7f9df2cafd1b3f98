"""Fold quotes and depth of a recording into its five-minute windows.

Quotes of the spot streams have no event time. The receive time is no substitute: it
comes from another clock, which was more than a second late in known recordings. So a
line without an event time gets that of the latest line before it; before the first
event time of a chunk, the first one; without any event time, the receive time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from loaders.ticks.depth import PLACES, DepthBook, DepthMessages, Integers, read_levels
from loaders.ticks.instants import WINDOW_US, from_us
from pgio.integers import integers

#: Order-book summary by window start; see `TickChunk.books`.
Books = dict[datetime, dict[str, Any]]

DEPTH_LEVELS = 20

#: A single event time that differs from both neighbours by more is ignored, µs.
_JUMP_US = 60_000_000
_REMEMBERED = 1000
_DEPTH = ["first_id", "last_id", "previous_id", "is_snapshot", "bids", "asks"]
#: Columns of `book.sql` that `BookFold` reads.
BOOK_COLUMNS = ["line_number", "book_kind", "event_time", "quote_values", *_DEPTH]


class EventClock:
    """Gives every line of a recording an event time."""

    def __init__(self) -> None:
        self._latest = 0

    def times(self, events: Integers, received: Callable[[], Integers]) -> Integers:
        """Fill in the times of lines without one.

        Parameters
        ----------
        events : ndarray of int64, shape (n,)
            Event times in µs, or 0.
        received : callable
            Returns the receive times in the same form.

        Returns
        -------
        ndarray of int64, shape (n,)
            0 where no time is known.
        """
        marks = np.flatnonzero(events)
        marks = marks[~_is_outlier(events[marks], self._latest)]
        if not len(marks) and not self._latest:
            return received()
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
    """The order-book summary of one window."""

    def __init__(self) -> None:
        self.quotes = 0
        self.depth_updates = 0
        self.time = 0
        self.best: list[int] | None = None
        self.spreads = 0
        self.spread_sum = 0
        self.spread_min: int | None = None
        self.spread_max: int | None = None
        self.depth: dict[str, Any] | None = None

    def add_quotes(self, quotes: Integers, times: Integers) -> None:
        self.quotes += len(quotes)
        self.best = quotes[-1].tolist()
        self.time = max(self.time, int(times.max()))
        bids, asks = quotes[:, 0], quotes[:, 2]
        spreads = (asks - bids)[(bids > 0) & (asks > 0)]
        if not len(spreads):
            return
        self.spreads += len(spreads)
        # Add high and low halves separately, so that the sum cannot overflow.
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
            "time": from_us(self.time).isoformat(),
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
        # The sum is exact; the mean is rounded half up.
        return _text((2 * self.spread_sum + self.spreads) // (2 * self.spreads))


class BookFold:
    """Folds the book lines of one object.

    Parameters
    ----------
    size_unit
        Unit of sizes, such as ``BTC``.
    """

    def __init__(self, size_unit: str) -> None:
        self._size_unit = size_unit
        self._clock = EventClock()
        self._book = DepthBook()
        self._open: dict[int, _Window] = {}
        self._finished: deque[int] = deque(maxlen=_REMEMBERED)

    def add(self, lines: pa.Table, received: Callable[[], Integers]) -> Books:
        """Add the lines of a batch; return the windows before its latest one.

        Parameters
        ----------
        lines
            Valid lines with the columns of `book.sql`.
        received : callable
            Returns their receive times, µs since the epoch, or 0.
        """
        times = self._clock.times(integers(lines["event_time"], 0), received)
        kinds = lines.column("book_kind")
        is_quote = _mask(pc.equal(kinds, "quote")) & (times > 0)
        is_depth = _mask(pc.not_equal(kinds, "quote")) & (times > 0)
        quote_times, depth_times = times[is_quote], times[is_depth]
        quotes = _quotes(lines.column("quote_values").filter(is_quote))
        messages = _messages(lines.select(_DEPTH).filter(is_depth))
        quote_windows = quote_times // WINDOW_US
        depth_windows = depth_times // WINDOW_US
        both = np.concatenate((quote_windows, depth_windows))
        for number in np.unique(both).tolist():
            in_quotes = quote_windows == number
            in_depth = depth_windows == number
            if in_depth.any():
                self._book.apply(messages, in_depth)
            # A late line of a window that was returned already is ignored.
            if number in self._finished:
                continue
            window = self._open.setdefault(number, _Window())
            if in_quotes.any():
                window.add_quotes(quotes[in_quotes], quote_times[in_quotes])
            if in_depth.any():
                window.set_depth(self._book, depth_times[in_depth])
        if not len(both):
            return {}
        ends = [w[-1] for w in (quote_windows, depth_windows) if len(w)]
        return self._hand_out([n for n in self._open if n < max(ends)])

    def rest(self) -> Books:
        """Return the remaining windows at the end of the object."""
        return self._hand_out(list(self._open))

    def _hand_out(self, numbers: list[int]) -> Books:
        self._finished.extend(numbers)
        return {
            from_us(number * WINDOW_US): self._open.pop(number).to_json(self._size_unit)
            for number in sorted(numbers)
        }


def _mask(chosen: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    mask: npt.NDArray[np.bool_] = pc.fill_null(chosen, False).to_numpy()
    return mask


def _quotes(quotes: pa.ChunkedArray) -> Integers:
    """Return bid, bid size, ask and ask size × 10^8 of each line: shape (n, 4)."""
    decimals = quotes.combine_chunks().flatten()
    # The first 8 of the 16 bytes of a decimal with 8 places are this number.
    numbers = np.frombuffer(decimals.buffers()[1] or b"", np.int64)[::2]
    return numbers[decimals.offset :][: len(decimals)].reshape(-1, 4)


def _messages(lines: pa.Table) -> DepthMessages:
    bids, asks = (lines.column(name).combine_chunks() for name in ("bids", "asks"))
    return DepthMessages(
        integers(lines["first_id"], -1),
        integers(lines["last_id"], -1),
        integers(lines["previous_id"], -1),
        lines.column("is_snapshot").to_numpy(),
        read_levels(bids),
        read_levels(asks),
    )


def _text(value: int | None) -> str | None:
    if value is None:
        return None
    whole, fraction = divmod(value, 10**PLACES)
    return f"{whole}.{fraction:0{PLACES}d}".rstrip("0").rstrip(".")


def _texts(levels: list[tuple[int, int]]) -> list[list[str | None]]:
    return [[_text(price), _text(size)] for price, size in levels]
