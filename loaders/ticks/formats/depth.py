"""An order book kept up by Binance's depth updates and snapshots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from loaders.ticks.formats.levels import Levels, Side

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DepthMessages:
    """Depth updates and snapshots in the order they came.

    Attributes
    ----------
    first_ids, last_ids : ndarray of int64, shape (n,)
        Update ids a message covers (``U``, ``u``); of a snapshot both are its own.
    previous_ids : ndarray of int64, shape (n,)
        Last id of the message before (``pu``, futures only), or -1.
    is_snapshot : ndarray of bool, shape (n,)
        Replaces all that is older.
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
    """What is known of an order book.

    Updates carry ids, by which a missing one is noticed. Without a snapshot, or after a
    gap, only levels that changed since are known: ``is_complete`` is false then.
    """

    def __init__(self) -> None:
        self.bids = Side(is_bid=True)
        self.asks = Side(is_bid=False)
        self.is_complete = False
        self._last_id = 0

    def apply(self, messages: DepthMessages, chosen: npt.NDArray[np.bool_]) -> None:
        """Take in some of the messages, in their order."""
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
            # The first update after it has to begin where it ends, or before.
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
        """Forget what lies before a missing update; say where that was."""
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
