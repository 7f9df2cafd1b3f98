"""Price levels of an order book: out of JSON, into a book, the best out again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled

Bytes = npt.NDArray[np.uint8]
Positions = npt.NDArray[np.int32]
Integers = npt.NDArray[np.int64]

#: Prices and sizes are carried as integers × 10^8.
PLACES = 8
#: Levels kept of a side: what lies further out comes and goes for years.
MOST_LEVELS = 20_000

_WHOLE = 10


@dataclass(frozen=True)
class Levels:
    """Levels of one side, from several messages.

    Attributes
    ----------
    rows : ndarray of int64, shape (n,)
        Which message each comes from.
    prices, sizes : ndarray of int64, shape (n,)
        × 10^8; a size of zero takes the level away.
    """

    rows: Integers
    prices: Integers
    sizes: Integers


def read_levels(text: Bytes, starts: Positions, ends: Positions) -> Levels:
    """Read ``[["61837.5","0.2"],…]`` from spans that `level_counts` found good."""
    total = int(level_counts(text, starts, ends).sum())
    levels = Levels(
        np.empty(total, np.int64), np.empty(total, np.int64), np.empty(total, np.int64)
    )
    _read(text, starts, ends, levels.rows, levels.prices, levels.sizes)
    return levels


@compiled
def level_counts(text: Bytes, starts: Positions, ends: Positions) -> Integers:
    """Count the levels in each span; -1 where a number has too many digits.

    Parameters
    ----------
    text, starts, ends
        Arrays of pairs of strings of digits and points, without blanks.
    """
    counts = np.zeros(len(starts), dtype=np.int64)
    for row in range(len(starts)):
        numbers = 0
        start = max(starts[row], 0)
        before = after = points = 0
        is_zero = True
        is_open = False
        for at in range(start, ends[row]):
            byte = text[at]
            if byte == 34:
                if is_open:
                    is_price = numbers % 2 == 0
                    if (
                        before < 1
                        or before > _WHOLE
                        or after > PLACES
                        or points > 1
                        or (points == 1 and after == 0)
                        or (is_price and is_zero)
                    ):
                        numbers = -2
                        break
                    numbers += 1
                before = after = points = 0
                is_zero = True
                is_open = not is_open
            elif is_open and byte == 46:
                points += 1
            elif is_open:
                if points:
                    after += 1
                else:
                    before += 1
                if byte != 48:
                    is_zero = False
        counts[row] = numbers // 2
    return counts


@compiled
def _read(
    text: Bytes,
    starts: Positions,
    ends: Positions,
    rows: Integers,
    prices: Integers,
    sizes: Integers,
) -> None:
    level = 0
    for row in range(len(starts)):
        is_open = False
        is_price = True
        value = np.int64(0)
        after = -1
        for at in range(max(starts[row], 0), ends[row]):
            byte = text[at]
            if byte == 34:
                if is_open:
                    for _ in range(PLACES - max(after, 0)):
                        value *= 10
                    if is_price:
                        rows[level] = row
                        prices[level] = value
                    else:
                        sizes[level] = value
                        level += 1
                    is_price = not is_price
                is_open = not is_open
                value = np.int64(0)
                after = -1
            elif is_open and byte == 46:
                after = 0
            elif is_open:
                value = value * 10 + (np.int64(byte) - 48)
                if after >= 0:
                    after += 1


class Side:
    """The levels of one side of a book, cheapest first."""

    def __init__(self, *, is_bid: bool) -> None:
        self._is_bid = is_bid
        self.clear()

    def clear(self) -> None:
        """Forget everything."""
        self._prices = np.empty(0, np.int64)
        self._sizes = np.empty(0, np.int64)
        self._ids = np.empty(0, np.int64)

    def forget(self, until: int) -> None:
        """Drop levels that were last set by an update up to this id."""
        self._keep(self._ids > until)

    def set(self, prices: Integers, sizes: Integers, ids: Integers) -> None:
        """Set levels; of several sizes of one price the latest update's counts."""
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
