"""An order book, maintained from Binance's depth updates and snapshots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Integers = npt.NDArray[np.int64]

#: Prices and sizes are stored as integers × 10^8.
PLACES = 8
#: Most levels of a side; levels farther from the best price are dropped.
MOST_LEVELS = 20_000


@dataclass(frozen=True)
class Levels:
    """Levels of one side, from several messages.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Which message each comes from.
    prices, sizes : ndarray of int64, shape (n,)
        × 10^8; a size of zero removes the level.
    """

    rows: Integers
    prices: Integers
    sizes: Integers


def read_levels(texts: pa.StringArray) -> Levels:
    """Read the levels that `book.sql` accepted: ``[["61837.5","0.2"],…]``."""
    _, offsets, content = texts.buffers()
    if not len(texts) or content is None:
        return Levels(*np.empty((3, 0), np.int64))
    ends = np.frombuffer(offsets, np.int32)[texts.offset :][: len(texts) + 1]
    levels = _read(np.frombuffer(content, np.uint8), ends)
    return Levels(*levels)


@compiled
def _read(text: Bytes, ends: npt.NDArray[np.int32]) -> Integers:
    """Return message, price and size of each level, an array each."""
    # Each level begins with a bracket, so there are at most as many levels as brackets.
    found = np.empty((3, (text[ends[0] : ends[-1]] == 91).sum()), np.int64)
    level = 0
    for row in range(len(ends) - 1):
        is_price = True
        is_number = False
        value = np.int64(0)
        places = -1
        for at in range(ends[row], ends[row + 1]):
            byte = text[at]
            if 48 <= byte <= 57:
                is_number = True
                if places < PLACES:
                    value = value * 10 + (np.int64(byte) - 48)
                    places += places >= 0
            elif byte == 46:
                places = 0
            elif is_number and byte != 34:
                for _ in range(PLACES - max(places, 0)):
                    value *= 10
                if is_price:
                    found[0, level] = row
                    found[1, level] = value
                else:
                    found[2, level] = value
                    level += 1
                is_price = not is_price
                is_number = False
                value = np.int64(0)
                places = -1
    return found[:, :level]


class Side:
    """The levels of one side of a book, cheapest first."""

    def __init__(self, *, is_bid: bool) -> None:
        self._is_bid = is_bid
        self.clear()

    def clear(self) -> None:
        """Remove all levels."""
        self._prices = np.empty(0, np.int64)
        self._sizes = np.empty(0, np.int64)
        self._ids = np.empty(0, np.int64)

    def forget(self, until: int) -> None:
        """Drop levels that were last set by an update up to this id."""
        self._keep(self._ids > until)

    def set(self, prices: Integers, sizes: Integers, ids: Integers) -> None:
        """Set levels; if a price occurs several times, the latest update is used."""
        prices = np.concatenate((self._prices, prices))
        sizes = np.concatenate((self._sizes, sizes))
        ids = np.concatenate((self._ids, ids))
        order = np.lexsort((ids, prices))
        prices = prices[order]
        is_last = np.append(prices[1:] != prices[:-1], True)[: len(prices)]
        self._prices = prices[is_last]
        self._sizes = sizes[order][is_last]
        self._ids = ids[order][is_last]
        self._keep(self._sizes > 0)

    def best(self, count: int) -> list[tuple[int, int]]:
        """List the best levels as (price, size) × 10^8, best first."""
        chosen = slice(None, -count - 1, -1) if self._is_bid else slice(count)
        prices, sizes = self._prices[chosen], self._sizes[chosen]
        return list(zip(prices.tolist(), sizes.tolist(), strict=True))

    def _keep(self, mask: npt.NDArray[np.bool_]) -> None:
        kept = np.flatnonzero(mask)
        kept = kept[-MOST_LEVELS:] if self._is_bid else kept[:MOST_LEVELS]
        self._prices = self._prices[kept]
        self._sizes = self._sizes[kept]
        self._ids = self._ids[kept]


@dataclass(frozen=True)
class DepthMessages:
    """Depth updates and snapshots in the order they came.

    Attributes
    ----------
    first_ids, last_ids : ndarray of int64, shape (n,)
        Range of update ids of a message (``U``, ``u``); for a snapshot both are its id.
    previous_ids : ndarray of int64, shape (n,)
        Last id of the message before (``pu``, futures only), or -1.
    is_snapshot : ndarray of bool, shape (n,)
        A snapshot replaces all older levels.
    bids, asks
        Levels; their ``rows`` count these messages.
    """

    first_ids: Integers
    last_ids: Integers
    previous_ids: Integers
    is_snapshot: npt.NDArray[np.bool_]
    bids: Levels
    asks: Levels

    def __len__(self) -> int:
        return len(self.last_ids)


class DepthBook:
    """The known levels of an order book.

    Ids of updates show missing updates. Without a snapshot, or after a gap, only levels
    that changed since are known: ``is_complete`` is false then.
    """

    def __init__(self) -> None:
        self.bids = Side(is_bid=True)
        self.asks = Side(is_bid=False)
        self.is_complete = False
        self._last_id = 0

    def apply(self, messages: DepthMessages, chosen: npt.NDArray[np.bool_]) -> None:
        """Apply the chosen messages in their order."""
        order = np.flatnonzero(chosen)
        updates = order[~messages.is_snapshot[order]]
        snapshots = order[messages.is_snapshot[order]]
        updates, gap = self._after_gap(messages, updates)
        if gap is not None:
            snapshots = snapshots[snapshots > gap]
        taken = np.zeros(len(messages), dtype=np.bool_)
        if len(snapshots):
            snapshot = snapshots[-1]
            snapshot_id = int(messages.last_ids[snapshot])
            self.bids.forget(snapshot_id)
            self.asks.forget(snapshot_id)
            updates = updates[messages.last_ids[updates] > snapshot_id]
            # The first update after the snapshot must start at its next id or earlier.
            is_joined = (
                not len(updates) or messages.first_ids[updates[0]] <= snapshot_id + 1
            )
            self.is_complete = bool(is_joined)
            self._last_id = max(self._last_id, snapshot_id)
            taken[snapshot] = True
        taken[updates] = True
        if len(updates):
            self._last_id = max(self._last_id, int(messages.last_ids[updates].max()))
        for side, levels in ((self.bids, messages.bids), (self.asks, messages.asks)):
            own = taken[levels.rows]
            ids = messages.last_ids[levels.rows[own]]
            side.set(levels.prices[own], levels.sizes[own], ids)

    def _after_gap(
        self, messages: DepthMessages, updates: Integers
    ) -> tuple[Integers, int | None]:
        """Clear the book at a gap; return the updates after it, and where it was."""
        lasts = messages.last_ids[updates]
        before = np.maximum.accumulate(np.concatenate(([self._last_id], lasts)))[:-1]
        previous = messages.previous_ids[updates]
        is_gap = np.where(
            previous >= 0, previous > before, messages.first_ids[updates] > before + 1
        )
        is_gap &= before > 0
        gaps = np.flatnonzero(is_gap)
        if not len(gaps):
            return updates, None
        self.bids.clear()
        self.asks.clear()
        self.is_complete = False
        first = int(gaps[-1])
        return updates[first:], int(updates[first])
