"""One-second candles of a venue on a dense grid of seconds, and windows cut from it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pgio.integers import integers

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

SECONDS_PER_DAY = 86_400

SUMS = (
    *("volume", "notional", "trade_count", "buy_volume", "sell_volume"),
    *("large_volume", "squared_volume"),
)
"""Measures that add up over seconds: BTC, USD for notional, BTC² for the last one."""

PRICES = ("open", "high", "low", "close")

#: Most windows in memory as matrices at a time: 5 MB for each matrix at 300 seconds.
BLOCK_WINDOWS = 2_048


@dataclass(frozen=True)
class SecondGrid:
    """Consecutive seconds of one venue, those without a trade included.

    Attributes
    ----------
    start : int
        First second, seconds since the epoch.
    sums : dict of str to array of float64, shape (n,)
        `SUMS`; zero where nothing traded.
    prices : dict of str to array of float64, shape (n,)
        Natural logarithms of `PRICES`; NaN where nothing traded.
    """

    start: int
    sums: dict[str, Floats]
    prices: dict[str, Floats]

    @classmethod
    def from_candles(cls, candles: pa.Table, start: int, seconds: int) -> SecondGrid:
        """Place candles on a dense grid of seconds.

        Parameters
        ----------
        candles : pyarrow.Table
            ``second`` (int64, since the epoch), `PRICES` and `SUMS` as floats; each
            second at most once, in any order.
        start, seconds : int
            First second of the grid and how many there are; candles outside are left
            out.

        Raises
        ------
        ValueError
            A second occurs twice, or a price is not positive.
        """
        second = integers(candles["second"]) - start
        inside = (second >= 0) & (second < seconds)
        place = second[inside]
        if np.unique(place).size != place.size:
            raise ValueError("a second has more than one candle of the same venue")

        def spread(name: str, absent: float) -> Floats:
            grid = np.full(seconds, absent)
            grid[place] = np.asarray(candles[name].to_numpy(), np.float64)[inside]
            return grid

        sums = {name: spread(name, 0.0) for name in SUMS}
        prices = {name: spread(name, np.nan) for name in PRICES}
        for name, price in prices.items():
            if not np.all(price[place] > 0):
                raise ValueError(f"a candle's {name} is not a positive number")
            np.log(price, out=price)
        return cls(start, sums, prices)

    def __len__(self) -> int:
        return int(self.prices["close"].size)

    @property
    def is_active(self) -> npt.NDArray[np.bool_]:
        """Whether a second has a trade, shape (n,)."""
        return ~np.isnan(self.prices["close"])

    def last_active(self) -> Ints:
        """Index of the last second with a trade before each moment.

        Returns
        -------
        array of int64, shape (n + 1,)
            Element t uses only seconds before t; -1 if none of them has a trade.
        """
        seen = np.where(self.is_active, np.arange(len(self)), -1)
        return np.concatenate([[-1], np.maximum.accumulate(seen)])

    def count_trades(self, offsets: Ints, length: int) -> Ints:
        """Trades in the windows ``[offset, offset + length)``, shape (k,)."""
        count = self.sums["trade_count"].astype(np.int64)
        total = np.concatenate([[0], np.cumsum(count)])
        trades: Ints = total[offsets + length] - total[offsets]
        return trades

    def windows(self, offsets: Ints, length: int) -> Windows:
        """Cut windows of ``length`` seconds that begin at ``offsets`` of the grid.

        Every window must hold a trade.
        """

        def cut(values: Floats) -> Floats:
            view = np.lib.stride_tricks.sliding_window_view(values, length)
            # Rows are contiguous, so each is added up in the same order for any number
            # of windows.
            return np.ascontiguousarray(view[offsets])

        return Windows(
            sums={name: cut(values) for name, values in self.sums.items()},
            prices={name: cut(values) for name, values in self.prices.items()},
        )


@dataclass(frozen=True)
class Windows:
    """Seconds of k windows of the same length, nothing from outside them.

    Attributes
    ----------
    sums, prices : dict of str to array of float64, shape (k, seconds)
        As in `SecondGrid`.
    """

    sums: dict[str, Floats]
    prices: dict[str, Floats]

    @cached_property
    def log_prices(self) -> Floats:
        """Log price at the end of each second, shape (k, seconds + 1).

        The first column is the first trade's price, at the beginning of the window. A
        second without a trade has the price of the one before.
        """
        close = self.prices["close"]
        rows, seconds = close.shape
        is_active = ~np.isnan(close)
        first = np.argmax(is_active, axis=1)
        path = np.empty((rows, seconds + 1))
        path[:, 0] = self.prices["open"][np.arange(rows), first]
        path[:, 1:] = close
        seen = np.zeros((rows, seconds + 1), np.int64)
        seen[:, 1:] = np.where(is_active, np.arange(1, seconds + 1), 0)
        np.maximum.accumulate(seen, axis=1, out=seen)
        return np.take_along_axis(path, seen, axis=1)
