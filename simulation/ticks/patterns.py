"""Distinctive five-minute patterns of price and flow that repeat at known times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HOUR_MINUTES = 60
#: Length of a pattern and of what is planted after it, in minutes.
PATTERN_MINUTES = 5
FOLLOW_MINUTES = 15
#: Minutes of an hour in which patterns start; recorders fail before the first. A
#: pattern and what follows stay in its hour.
FIRST_START = 10
_STARTS = range(FIRST_START, 41)
# The last one ends a minute before the tape does: a window is complete only when a
# later trade is known.
_LAST_START = 54


@dataclass(frozen=True)
class Shape:
    """One pattern.

    Attributes
    ----------
    name
    price
        Log price at equal steps from the first to the last moment, in units of the
        amplitude; starts at 0.
    flow
        Pressure at equal steps: positive makes buyers the aggressors.
    activity
        Rate of trades at equal steps, a multiple of the ordinary one.
    follow
        Log return planted in the quarter of an hour after it.
    """

    name: str
    price: tuple[float, ...]
    flow: tuple[float, ...]
    activity: tuple[float, ...]
    follow: float


SHAPES = (
    Shape(
        "ramp_and_crash",
        *((0, 0.3, 0.6, 0.9, 1.2, -0.6, -0.8), (1, 1.5, 1.5, 2, -3, -3, -1)),
        *((4, 4, 5, 6, 12, 18, 8), -0.004),
    ),
    Shape(
        "spike_and_fade",
        *((0, 1.3, 1.0, 0.7, 0.5, 0.3, 0.2), (3, 2, -1, -1, -1, -0.5, -0.5)),
        *((20, 12, 6, 5, 4, 4, 4), -0.002),
    ),
    Shape(
        "double_bottom",
        *((0, -1.0, -0.2, -0.2, -1.0, -0.2, 0.6), (-2, -2, 2, 0, -2, 2, 3)),
        *((6, 12, 6, 4, 12, 8, 10), 0.005),
    ),
    Shape(
        "staircase_up",
        *((0, 0, 0.5, 0.5, 1.0, 1.0, 1.5), (0.5, 2.5, 0.5, 2.5, 0.5, 2.5, 2.5)),
        *((4, 10, 4, 10, 4, 10, 10), 0.003),
    ),
    Shape(
        "whipsaw",
        *((0, 0.8, -0.8, 0.8, -0.8, 0.8, 0), (2, -2, 2, -2, 2, -2, -2)),
        *((10, 10, 10, 10, 10, 10, 10), 0.0),
    ),
)


@dataclass(frozen=True)
class Occurrence:
    """A pattern at a time.

    Attributes
    ----------
    shape
    minute
        Whole minutes from the start of the tape.
    amplitude
        Log return that one unit of the shape's price stands for.
    follow
        Log return planted after it; None where the tape ends with it.
    """

    shape: Shape
    minute: int
    amplitude: float
    follow: float | None

    def at(
        self, knots: tuple[float, ...], share: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Interpolate one of the shape's courses.

        Parameters
        ----------
        knots : tuple of float
        share : ndarray of float64
            Of the pattern that has passed, 0 to 1.

        Returns
        -------
        ndarray of float64, shape of `share`
        """
        return np.interp(share, np.linspace(0.0, 1.0, len(knots)), knots)


def plant(
    random: np.random.Generator, days: int, kinds: int, repeats: int
) -> list[Occurrence]:
    """Choose the times of all patterns.

    Parameters
    ----------
    random : Generator
    days : int
        Length of the tape.
    kinds : int
        How many of `SHAPES`; 0 for none.
    repeats : int
        Times each of them occurs, fewer where the tape has too few hours. The first one
        occurs once more and ends a minute before the tape: in its newest whole window.

    Returns
    -------
    list of Occurrence
        By time, no two of them in the same hour.
    """
    # Not the first hour, which has no past, nor the last two.
    hours = np.arange(1, 24 * days - 2)
    repeats = min(repeats, len(hours) // max(kinds, 1))
    chosen = random.permutation(hours)[: kinds * repeats]
    occurrences = [
        Occurrence(
            shape,
            int(hour) * HOUR_MINUTES + int(random.choice(_STARTS)),
            0.006 * float(random.normal(1.0, 0.06)),
            shape.follow * float(random.normal(1.0, 0.1)),
        )
        for shape, hour in zip(SHAPES[:kinds] * repeats, chosen, strict=True)
    ]
    if kinds > 0:
        last = (24 * days - 1) * HOUR_MINUTES + _LAST_START
        occurrences.append(Occurrence(SHAPES[0], last, 0.006, None))
    return sorted(occurrences, key=lambda occurrence: occurrence.minute)
