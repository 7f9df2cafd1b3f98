"""Prices of the whole tape, the rhythm of days and hours, and the clock of blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from simulation.fills.coins import COINS, NAMES, OUTCOME
from simulation.noise import scrambled_below

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_MINUTES = 1_440
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
    start_ms : int
        Midnight of the first day, milliseconds since the epoch. There are prices from
        a day before it to a day after the last.
    days : int
    seed : int
    """

    def __init__(self, start_ms: int, days: int, seed: int) -> None:
        rng = np.random.default_rng([seed, 1])
        self._start_ms = start_ms - DAY_MS
        anchor = np.array([_level_of(coin.kind, coin.price) for coin in COINS])
        walks = [anchor[:, None]]
        for _ in range(days + 2):
            walks.append(_walk_a_day(rng, walks[-1][:, -1], anchor))
        levels = np.concatenate(walks, axis=1)
        #: Price units at each minute, shape (coins, minutes).
        self.paths: Floats = np.exp(levels)
        for number, coin in enumerate(COINS):
            if coin.kind == OUTCOME:
                self.paths[number] = 0.02 + 0.96 / (1 + np.exp(-4 * levels[number]))
            if coin.leader:
                # Spot stays within a few basis points of its perpetual.
                basis = rng.normal(0.0, 0.0002, size=levels.shape[1])
                self.paths[number] = self.paths[NAMES.index(coin.leader)] * (1 + basis)
        self.paths *= np.array([[10.0**coin.price_decimals] for coin in COINS])

    def at(self, coins: Ints, times: Ints) -> Floats:
        """Interpolate prices.

        Parameters
        ----------
        coins : ndarray of int64
        times : ndarray of int64, same shape
            Milliseconds since the epoch; later than the end gives the last price.

        Returns
        -------
        ndarray of float64, same shape
            Price units.
        """
        passed = np.minimum(
            (times - self._start_ms) / 60_000, self.paths.shape[1] - 1.001
        )
        minute = passed.astype(np.int64)
        before, after = self.paths[coins, minute], self.paths[coins, minute + 1]
        return np.asarray(before + (after - before) * (passed - minute))


def _level_of(kind: int, price: float) -> float:
    if kind == OUTCOME:
        share = (price - 0.02) / 0.96
        return float(np.log(share / (1.0 - share)) / 4.0)
    return float(np.log(price))


def _walk_a_day(rng: np.random.Generator, start: Floats, anchor: Floats) -> Floats:
    coins = len(COINS)
    volatility = np.array([coin.volatility for coin in COINS])
    scale = volatility / np.sqrt(_MINUTES) * np.exp(rng.normal(-0.045, 0.3, coins))
    hours = np.sqrt(_HOURS / _HOURS.mean()).repeat(60)
    common = rng.standard_t(4, size=_MINUTES) / np.sqrt(2)
    own = rng.standard_t(4, size=(coins, _MINUTES)) / np.sqrt(2)
    steps = scale[:, None] * hours * (0.7 * common + 0.714 * own)
    for coin in np.flatnonzero(rng.random(coins) < 0.15):
        first = int(rng.integers(0, _MINUTES - 20))
        steps[coin, first : first + 20] += rng.normal(0, 1.5 * volatility[coin]) / 20
    # A weak pull keeps prices at a believable level over a year.
    steps += ((anchor - start) * 0.004 / _MINUTES)[:, None]
    return np.asarray(start[:, None] + np.cumsum(steps, axis=1))


def part_weights(days: int, first_weekday: int, hours: int, seed: int) -> Floats:
    """Draw how much of all trading falls on each part of the tape.

    Parameters
    ----------
    days : int
    first_weekday : int
        Weekday of the first day, Monday is 0.
    hours : int
        Length of a part, a divisor of 24.
    seed : int

    Returns
    -------
    ndarray of float64, shape (days * 24 / hours,)
        Adds up to 1; weekends are quieter.
    """
    rng = np.random.default_rng([seed, 3])
    weekdays = (first_weekday + np.arange(days)) % 7
    weights = np.exp(rng.normal(0.0, 0.25, size=days)) * np.where(weekdays < 5, 1, 0.65)
    parts = np.outer(weights, _HOURS.reshape(-1, hours).sum(axis=1)).ravel()
    return np.asarray(parts / parts.sum())


def times_of_day(
    rng: np.random.Generator, first_hour: int, hours: int, count: int
) -> Ints:
    """Draw times, milliseconds since midnight, within some hours of the day."""
    edges = np.concatenate([[0.0], np.cumsum(_HOURS / _HOURS.sum())])
    drawn = rng.uniform(edges[first_hour], edges[first_hour + hours], count)
    return (np.interp(drawn, edges, np.arange(25)) * HOUR_MS).astype(np.int64)


def block_times(slots: Ints) -> Ints:
    """Return the times of blocks, milliseconds since the epoch.

    Parameters
    ----------
    slots : ndarray of int64
        Milliseconds since the epoch, divided by `BLOCK_MS` and rounded down.
    """
    return slots * BLOCK_MS + scrambled_below(slots, _BLOCK_JITTER_MS)


def block_numbers(times: Ints, start_ms: int) -> Ints:
    """Return the numbers of blocks; the count begins near the start of the tape."""
    return times // BLOCK_MS - start_ms // BLOCK_MS + _FIRST_BLOCK
