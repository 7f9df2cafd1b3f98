"""What all venues share: price, pressure and activity, second by second."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled
from simulation.ticks.patterns import (
    FOLLOW_MINUTES,
    PATTERN_MINUTES,
    Occurrence,
)

# Single precision, except for prices: a tape has millions of seconds.
Floats = npt.NDArray[np.float32]
Prices = npt.NDArray[np.float64]

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
DAY_US = 1440 * MINUTE_US
#: Between two seconds the price changes at steps of so many µs.
STEP_US = 100_000
_PATTERN_SECONDS = 60 * PATTERN_MINUTES

_ANNUAL_VOLATILITY = 0.45
_VOLATILITY = _ANNUAL_VOLATILITY / np.sqrt(365 * 86_400)
_MEAN_PRICE = 78_000.0
# The price returns to its mean within about so many seconds.
_REVERSION = 20 * 86_400
# Jumps a day, and their standard deviation.
_JUMPS = 4.0
_JUMP_SIZE = 0.002
# How much of a second's return comes with a change of the pressure.
_PRESSURE_IN_RETURN = 0.45
# Seconds that pressure and bursts of trading last, and how strong bursts are.
_PRESSURE_LASTS = (16, 300)
_BURST_LASTS = 10
_BURST = 1.3
# Ordinary noise that stays within a pattern, and how busy one is: the same at all
# hours, so that repetitions are alike.
_NOISE_IN_PATTERN = 0.3
_ACTIVITY_IN_PATTERN = 1.5
# Rate of trades in the tape's last minute: every venue has one after the last pattern.
_LAST_ACTIVITY = 5.0


class Market:
    """The market of a whole tape.

    Parameters
    ----------
    seed : int
    start : int
        µs since the epoch, midnight UTC.
    days : int
    occurrences : list of Occurrence
        The planted patterns.

    Attributes
    ----------
    start : int
    log_price : ndarray of float64, shape (seconds + 1,)
        At the start of each second.
    pressure : ndarray of float32, shape (seconds,)
        Positive when buyers press; about standard normal.
    activity : ndarray of float32, shape (seconds,)
        Rate of trades, mean about 1.
    is_planted : ndarray of bool, shape (seconds,)
        Within a planted pattern.
    """

    def __init__(
        self, seed: int, start: int, days: int, occurrences: list[Occurrence]
    ) -> None:
        random = np.random.default_rng([seed, 1])
        minutes, seconds = days * 1440, days * 86_400
        course = _day_course(start, minutes)
        slow = _persistent(_white(random, minutes), 500)
        fast = _persistent(_white(random, minutes), 8)
        own = _persistent(_white(random, minutes), 30)
        volatility = _VOLATILITY * np.sqrt(course) * np.exp(0.45 * slow + 0.3 * fast)
        activity = course * np.exp(0.5 * slow + 0.5 * fast + 0.3 * own - 0.3)
        jumps = random.poisson(_JUMPS / 1440, minutes)
        returns = np.zeros(seconds, np.float32)
        returns[::60] = jumps * random.normal(0.0, _JUMP_SIZE, minutes)
        news = _white(random, seconds)
        self.start = start
        self.pressure = 0.8 * _persistent(news, _PRESSURE_LASTS[0])
        self.pressure += 0.6 * _persistent(_white(random, seconds), _PRESSURE_LASTS[1])
        self.activity = _persistent(_white(random, seconds), _BURST_LASTS)
        self.activity = np.exp(_BURST * self.activity - _BURST**2 / 2)
        self.activity *= activity.repeat(60)
        self.activity[-60:] = _LAST_ACTIVITY
        self.is_planted = np.zeros(seconds, dtype=np.bool_)
        noise = (volatility / np.exp(0.15)).astype(np.float32).repeat(60)
        for occurrence in occurrences:
            first = occurrence.minute * 60
            end = first + _PATTERN_SECONDS
            self.is_planted[first:end] = True
            noise[first:end] = _NOISE_IN_PATTERN * _VOLATILITY
            returns[first : end + FOLLOW_MINUTES * 60] = 0.0
            self._imprint(occurrence, slice(first, end), returns)
            if occurrence.follow is not None:
                follow = slice(end, end + FOLLOW_MINUTES * 60)
                returns[follow] = occurrence.follow / (FOLLOW_MINUTES * 60)
        news *= _PRESSURE_IN_RETURN
        news += math.sqrt(1 - _PRESSURE_IN_RETURN**2) * _white(random, seconds)
        noise *= news
        first_level = 0.1 * random.standard_normal()
        level = _decaying_sum(returns + noise, 1 - 1 / _REVERSION, first_level)
        self.log_price = np.log(_MEAN_PRICE) + np.append(first_level, level)

    def _imprint(self, occurrence: Occurrence, span: slice, returns: Floats) -> None:
        """Plant a pattern: its price, its flow and how busy it is."""
        shape = occurrence.shape
        edges = np.arange(_PATTERN_SECONDS + 1) / _PATTERN_SECONDS
        middles = (np.arange(_PATTERN_SECONDS) + 0.5) / _PATTERN_SECONDS
        course = occurrence.at(shape.price, edges)
        returns[span] = occurrence.amplitude * np.diff(course)
        flow = occurrence.at(shape.flow, middles)
        self.pressure[span] = _NOISE_IN_PATTERN * self.pressure[span] + flow
        busy = occurrence.at(shape.activity, middles)
        self.activity[span] = _ACTIVITY_IN_PATTERN * busy

    def prices(self, times: npt.NDArray[np.int64]) -> Prices:
        """Return the common price at some times, USD.

        Parameters
        ----------
        times : ndarray of int64
            µs since the epoch, within the tape.
        """
        steps = (times - self.start) // STEP_US
        second, step = np.divmod(steps, SECOND_US // STEP_US)
        before, after = self.log_price[second], self.log_price[second + 1]
        share = step / (SECOND_US // STEP_US)
        return np.asarray(np.exp(before + (after - before) * share))


@compiled
def _decaying_sum(noise: Floats, decay: float, first: float) -> Prices:
    result = np.empty(len(noise))
    value = first
    for i in range(len(noise)):
        value = decay * value + noise[i]
        result[i] = value
    return result


def _persistent(noise: Floats, lasts: float) -> Floats:
    """Turn white noise into noise of unit variance that lasts for so many places."""
    decay = math.exp(-1 / lasts)
    scale = math.sqrt(1.0 - decay**2)
    return _decaying_sum(noise * scale, decay, float(noise[0])).astype(np.float32)


def _white(random: np.random.Generator, count: int) -> Floats:
    return random.standard_normal(count, dtype=np.float32)


def _day_course(start: int, minutes: int) -> Prices:
    """Rate of trades by the time of day and of the week; New York opens at the peak."""
    minute = start // MINUTE_US + np.arange(minutes)
    hour = (minute % 1440) / 60.0
    peak = np.exp(-0.5 * ((hour - 14.5) / 2.2) ** 2)
    morning = np.exp(-0.5 * ((hour - 8.0) / 2.0) ** 2)
    course = 0.6 + 1.3 * peak + 0.4 * morning
    # 1970-01-01 was a Thursday.
    is_weekend = (minute // 1440 + 3) % 7 >= 5
    return np.where(is_weekend, 0.55, 1.0) * course / 0.95
