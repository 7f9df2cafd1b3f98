"""Price paths day by day, and the rhythm of the market's days and hours."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.fills.arithmetic import scramble
from simulation.fills.codes import Kind
from simulation.fills.instruments import Instrument

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
MINUTES = 1_440
# Mean time between blocks; a divisor of the day, so that no block straddles midnight.
BLOCK_MS = 75
_BLOCK_JITTER_MS = 60
_FIRST_BLOCK = 640_000_000

# Share of a day's trading in each hour (UTC): busiest as New York opens.
_HOURS = np.array(
    [8, 7, 6, 5, 5, 5, 6, 7, 8, 8, 8, 9, 11, 15, 17, 16, 14, 12, 10, 9, 9, 9, 8, 8],
    dtype=np.float64,
)


class Market:
    """Correlated random walks with changing volatility and the odd jump.

    Parameters
    ----------
    instruments : tuple of Instrument
    seed : int
        The same seed gives the same paths.
    """

    def __init__(self, instruments: tuple[Instrument, ...], seed: int) -> None:
        self._instruments = instruments
        self._seed = seed
        self._anchor = np.array([_position_of(i) for i in instruments])
        self._units = np.array([10.0**i.price_decimals for i in instruments])
        self._next_day = 0
        self._today = np.empty((len(instruments), 0))
        self._tomorrow = self._walk(self._anchor)

    def advance(self) -> npt.NDArray[np.float64]:
        """Move on to the next day.

        Returns
        -------
        ndarray of float64, shape (coins, 2 * 1440 + 1)
            Prices in price units at each minute of the day and of the day after it,
            which is what a skilled trader sees ahead.
        """
        self._today = self._tomorrow
        self._tomorrow = self._walk(self._today[:, -1])
        # Each walk begins where the one before ends: leave out the shared minute.
        both = np.concatenate([self._today, self._tomorrow[:, 1:]], axis=1)
        return self._prices(both)

    def _walk(self, start: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        rng = np.random.default_rng([self._seed, 1, self._next_day])
        self._next_day += 1
        coins = len(self._instruments)
        scale = np.array([i.volatility for i in self._instruments]) / np.sqrt(MINUTES)
        scale = scale * np.exp(rng.normal(-0.045, 0.3, size=coins))
        hour_scale = np.sqrt(_HOURS / _HOURS.mean()).repeat(60)
        common = rng.standard_t(4, size=MINUTES) / np.sqrt(2)
        own = rng.standard_t(4, size=(coins, MINUTES)) / np.sqrt(2)
        steps = scale[:, None] * hour_scale * (0.7 * common + 0.714 * own)
        for coin in np.flatnonzero(rng.random(coins) < 0.15):
            first = int(rng.integers(0, MINUTES - 20))
            size = rng.normal(0.0, 1.5 * self._instruments[coin].volatility)
            steps[coin, first : first + 20] += size / 20
        # A weak pull keeps prices at a believable level over a year.
        steps += ((self._anchor - start) * 0.004 / MINUTES)[:, None]
        path = start[:, None] + np.cumsum(steps, axis=1)
        return np.concatenate([start[:, None], path], axis=1)

    def _prices(self, paths: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        rng = np.random.default_rng([self._seed, 2, self._next_day])
        names = [instrument.name for instrument in self._instruments]
        prices = np.exp(paths)
        for coin, instrument in enumerate(self._instruments):
            if instrument.kind is Kind.OUTCOME:
                prices[coin] = 0.02 + 0.96 / (1.0 + np.exp(-4.0 * paths[coin]))
            if instrument.leader:
                # Spot stays within a few basis points of its perpetual.
                basis = rng.normal(0.0, 0.0002, size=paths.shape[1])
                prices[coin] = prices[names.index(instrument.leader)] * (1.0 + basis)
        return np.asarray(prices * self._units[:, None], dtype=np.float64)


def _position_of(instrument: Instrument) -> float:
    if instrument.kind is Kind.OUTCOME:
        share = (instrument.price - 0.02) / 0.96
        return float(np.log(share / (1.0 - share)) / 4.0)
    return float(np.log(instrument.price))


def day_weights(days: int, first_weekday: int, seed: int) -> npt.NDArray[np.float64]:
    """Draw how much of all trading falls on each day.

    Parameters
    ----------
    days : int
    first_weekday : int
        Weekday of the first day, Monday is 0.
    seed : int

    Returns
    -------
    ndarray of float64, shape (days,)
        Adds up to 1; weekends are quieter.
    """
    rng = np.random.default_rng([seed, 3])
    weekdays = (first_weekday + np.arange(days)) % 7
    weights = np.exp(rng.normal(0.0, 0.25, size=days)) * np.where(weekdays < 5, 1, 0.65)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


def hours_share(hours: tuple[int, int]) -> float:
    """Return the share of a day's trading between two hours (the second excluded)."""
    return float(_HOURS[hours[0] : hours[1]].sum() / _HOURS.sum())


def times_of_day(
    rng: np.random.Generator, hours: tuple[int, int], count: int
) -> npt.NDArray[np.int64]:
    """Draw times of orders.

    Parameters
    ----------
    rng : Generator
    hours : tuple of int
        First hour, and the hour to end before; (0, 24) for the whole day.
    count : int

    Returns
    -------
    ndarray of int64, shape (count,)
        Milliseconds since midnight, not sorted.
    """
    edges = np.concatenate([[0.0], np.cumsum(_HOURS / _HOURS.sum())])
    first, last = edges[hours[0]], edges[hours[1]]
    drawn = first + (last - first) * rng.random(count)
    milliseconds = np.interp(drawn, edges, np.arange(25)) * HOUR_MS
    # Rounding must not push a time over the edge.
    least, most = hours[0] * HOUR_MS, hours[1] * HOUR_MS - 1
    return np.asarray(np.clip(milliseconds, least, most), dtype=np.int64)


def block_times(slots: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the time of blocks, strictly increasing with the slot.

    Parameters
    ----------
    slots : ndarray of int64
        Milliseconds since the epoch, divided by `BLOCK_MS` and rounded down.

    Returns
    -------
    ndarray of int64
        Milliseconds since the epoch.
    """
    jitter = block_noise(slots) % np.uint64(_BLOCK_JITTER_MS)
    return slots * BLOCK_MS + jitter.astype(np.int64)


def block_noise(slots: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return a number for each block that looks random and is always the same."""
    with np.errstate(over="ignore"):
        return np.asarray(scramble(slots.astype(np.uint64)))


def block_numbers(slots: npt.NDArray[np.int64], start_ms: int) -> npt.NDArray[np.int64]:
    """Return the numbers of blocks; the count begins near the start of the tape."""
    return slots - start_ms // BLOCK_MS + _FIRST_BLOCK
