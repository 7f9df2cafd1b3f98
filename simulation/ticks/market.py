"""The price that all venues share: volatility, activity, pressure, planted patterns."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled
from simulation.ticks.patterns import (
    FOLLOW_MINUTES,
    PATTERN_MINUTES,
    Occurrence,
)

MINUTE_US = 60_000_000
DAY_US = 1440 * MINUTE_US
#: The price changes at steps of so many µs.
STEP_US = 100_000
_STEPS = MINUTE_US // STEP_US
_SECOND_STEPS = 1_000_000 // STEP_US
_SECONDS = 60

_ANNUAL_VOLATILITY = 0.45
_STEP_VOLATILITY = _ANNUAL_VOLATILITY / np.sqrt(365 * DAY_US / STEP_US)
_MEAN_PRICE = 78_000.0
# The price returns to its mean within about so many minutes.
_REVERSION_MINUTES = 20 * 1440
# Jumps a day, and their standard deviation.
_JUMPS = 4.0
_JUMP_SIZE = 0.002
# Persistence of the pressure from second to second, and how much of a second's return
# comes with it.
_PRESSURE_DECAY = 0.94
_PRESSURE_IN_RETURN = 0.45
# Ordinary noise that stays within a pattern.
_NOISE_IN_PATTERN = 0.3
# Rate of trades in the tape's last minute.
_LAST_ACTIVITY = 5.0


@dataclass(frozen=True)
class Stretch:
    """The market during a part of the tape.

    Attributes
    ----------
    start : int
        µs since the epoch.
    log_price : ndarray of float64, shape (steps,)
        At each multiple of `STEP_US`, valid until the next.
    pressure : ndarray of float64, shape (seconds,)
        Positive when buyers press; about standard normal.
    activity : ndarray of float64, shape (seconds,)
        Rate of trades, mean about 1.
    is_planted : ndarray of bool, shape (seconds,)
        Within a planted pattern.
    """

    start: int
    log_price: npt.NDArray[np.float64]
    pressure: npt.NDArray[np.float64]
    activity: npt.NDArray[np.float64]
    is_planted: npt.NDArray[np.bool_]


@compiled
def _decaying_sum(
    noise: npt.NDArray[np.float64], decay: float, first: float
) -> npt.NDArray[np.float64]:
    result = np.empty_like(noise)
    value = first
    for i in range(len(noise)):
        value = decay * value + noise[i]
        result[i] = value
    return result


def persistent_noise(
    random: np.random.Generator, count: int, decay: float
) -> npt.NDArray[np.float64]:
    """Draw a stationary autoregression of first order with unit variance.

    Parameters
    ----------
    random : Generator
    count : int
    decay : float
        Correlation of neighbours.

    Returns
    -------
    ndarray of float64, shape (count,)
    """
    noise = random.standard_normal(count) * np.sqrt(1.0 - decay**2)
    return _decaying_sum(noise, decay, float(random.standard_normal()))


class Market:
    """Makes the market of a tape, one stretch after the other.

    Parameters
    ----------
    seed : int
    start : int
        µs since the epoch, midnight UTC.
    days : int
    occurrences : list of Occurrence
        The planted patterns.
    """

    def __init__(
        self, seed: int, start: int, days: int, occurrences: list[Occurrence]
    ) -> None:
        self._seed = seed
        self._start = start
        self._occurrences = occurrences
        random = np.random.default_rng([seed, 1])
        minutes = days * 1440
        day_course = _day_course(start, minutes)
        slow = persistent_noise(random, minutes, np.exp(-1 / 500))
        fast = persistent_noise(random, minutes, np.exp(-1 / 8))
        self._volatility = _STEP_VOLATILITY * np.sqrt(day_course)
        self._volatility *= np.exp(0.45 * slow + 0.3 * fast - 0.15)
        own = persistent_noise(random, minutes, np.exp(-1 / 30))
        self._activity = day_course * np.exp(0.5 * slow + 0.5 * fast + 0.3 * own - 0.3)
        self._drift = np.zeros(minutes)
        self._jump = random.poisson(_JUMPS / 1440, minutes) * random.normal(
            0.0, _JUMP_SIZE, minutes
        )
        for occurrence in occurrences:
            end = occurrence.minute + PATTERN_MINUTES
            # The same at all hours: repetitions are about as noisy, and about as busy.
            quiet = _NOISE_IN_PATTERN * _STEP_VOLATILITY
            self._volatility[occurrence.minute : end] = quiet
            self._activity[occurrence.minute : end] = 1.5
            self._jump[occurrence.minute : end + FOLLOW_MINUTES] = 0.0
            if occurrence.follow is not None:
                follow = occurrence.follow / FOLLOW_MINUTES
                self._drift[end : end + FOLLOW_MINUTES] = follow
        # Every venue has a trade after the last pattern.
        self._activity[-1] = _LAST_ACTIVITY
        self._level = float(np.log(_MEAN_PRICE) + 0.1 * random.standard_normal())

    def activity_of(self, first_minute: int, minutes: int) -> float:
        """Add up the activity of some minutes, patterns included.

        Returns
        -------
        float
            Seconds at mean activity.
        """
        return float(self._activity_seconds(first_minute, minutes).sum())

    def stretch(self, first_minute: int, minutes: int) -> Stretch:
        """Make the next part of the tape; it must follow the last one made.

        Parameters
        ----------
        first_minute, minutes : int
            From the start of the tape. No pattern goes on beyond the end.

        Returns
        -------
        Stretch
        """
        random = np.random.default_rng([self._seed, 2, first_minute])
        span = slice(first_minute, first_minute + minutes)
        innovation = random.standard_normal(minutes * _SECONDS)
        pressure = _decaying_sum(
            innovation * np.sqrt(1 - _PRESSURE_DECAY**2),
            _PRESSURE_DECAY,
            float(random.standard_normal()),
        )
        returns = random.standard_normal(minutes * _STEPS)
        returns *= np.sqrt(1 - _PRESSURE_IN_RETURN**2)
        # Spread over the second, whose variance is the sum of its steps.
        returns += np.repeat(
            _PRESSURE_IN_RETURN / np.sqrt(_SECOND_STEPS) * innovation, _SECOND_STEPS
        )
        returns *= np.repeat(self._volatility[span], _STEPS)
        pull = (np.log(_MEAN_PRICE) - self._level) / _REVERSION_MINUTES
        returns += np.repeat((self._drift[span] + pull) / _STEPS, _STEPS)
        returns[::_STEPS] += self._jump[span]
        is_planted = np.zeros(minutes * _SECONDS, dtype=np.bool_)
        for occurrence in self._occurrences:
            minute = occurrence.minute - first_minute
            if 0 <= minute < minutes:
                _imprint(occurrence, minute, returns, pressure)
                first = minute * _SECONDS
                is_planted[first : first + PATTERN_MINUTES * _SECONDS] = True
        log_price = self._level + np.cumsum(returns)
        self._level = float(log_price[-1])
        return Stretch(
            self._start + first_minute * MINUTE_US,
            log_price,
            pressure,
            self._activity_seconds(first_minute, minutes),
            is_planted,
        )

    def _activity_seconds(
        self, first_minute: int, minutes: int
    ) -> npt.NDArray[np.float64]:
        activity = np.repeat(
            self._activity[first_minute : first_minute + minutes], _SECONDS
        )
        for occurrence in self._occurrences:
            minute = occurrence.minute - first_minute
            if 0 <= minute < minutes:
                first, count = minute * _SECONDS, PATTERN_MINUTES * _SECONDS
                share = (np.arange(count) + 0.5) / count
                activity[first : first + count] *= occurrence.at(
                    occurrence.shape.activity, share
                )
        return activity


def _imprint(
    occurrence: Occurrence,
    minute: int,
    returns: npt.NDArray[np.float64],
    pressure: npt.NDArray[np.float64],
) -> None:
    """Add a pattern to a stretch that it lies in, from `minute` of it on."""
    first, count = minute * _STEPS, PATTERN_MINUTES * _STEPS
    course = occurrence.at(occurrence.shape.price, np.arange(count + 1) / count)
    returns[first : first + count] += occurrence.amplitude * np.diff(course)
    first, count = minute * _SECONDS, PATTERN_MINUTES * _SECONDS
    share = (np.arange(count) + 0.5) / count
    part = pressure[first : first + count]
    part *= _NOISE_IN_PATTERN
    part += occurrence.at(occurrence.shape.flow, share)


def _day_course(start: int, minutes: int) -> npt.NDArray[np.float64]:
    """Rate of trades by the time of day and of the week; New York opens at the peak."""
    minute = start // MINUTE_US + np.arange(minutes)
    hour = (minute % 1440) / 60.0
    peak = np.exp(-0.5 * ((hour - 14.5) / 2.2) ** 2)
    morning = np.exp(-0.5 * ((hour - 8.0) / 2.0) ** 2)
    course = 0.6 + 1.3 * peak + 0.4 * morning
    # 1970-01-01 was a Thursday.
    is_weekend = (minute // 1440 + 3) % 7 >= 5
    return np.where(is_weekend, 0.55, 1.0) * course / 0.95
