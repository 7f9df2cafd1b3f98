"""A trader's daily net PnL as series: equity, drawdowns, months, rolling ratio.

Returns are in USD, as everywhere in this project: what a trader has on the exchange is
not in the fills, so that there is no capital to divide by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EPOCH = date(1970, 1, 1)
DAYS_PER_YEAR = 365


@dataclass(frozen=True)
class Drawdown:
    """A fall of cumulative net PnL below its highest point so far.

    Attributes
    ----------
    began
        Day of the highest point, or the day before the first where that is the start.
    lowest
        Day of the deepest point.
    ended
        First day at or above the highest point again; None where it goes on.
    depth
        USD, positive.
    """

    began: date
    lowest: date
    ended: date | None
    depth: float


def calendar(days: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Return every day from the first to the last, those without activity as zero.

    Parameters
    ----------
    days : array of int64, shape (n,)
        Days since the epoch, ascending, each once; at least one.
    values : array of float64, shape (n,) or (n, k)
        One or several amounts of each, USD.
    """
    every = np.arange(days[0], days[-1] + 1, dtype=np.int64)
    filled = np.zeros((len(every), *values.shape[1:]))
    filled[days - days[0]] = values
    return every, filled


def underwater(net_pnl: Floats) -> tuple[Floats, Floats]:
    """Return cumulative net PnL, and how far below its highest point so far it is.

    The curve starts at zero, which counts as a highest point.

    Parameters
    ----------
    net_pnl : array of float64, shape (n,)
        Of every calendar day, USD.

    Returns
    -------
    tuple of arrays of float64, shape (n,)
        Both in USD; the second zero or negative. Its lowest value is
        `trader_profiles.max_drawdown`, negated.
    """
    equity = np.cumsum(net_pnl)
    highest = np.maximum(np.maximum.accumulate(equity), 0.0)
    return equity, equity - highest


def drawdowns(days: Ints, net_pnl: Floats, most: int = 5) -> list[Drawdown]:
    """Return the deepest drawdowns, the deepest first."""
    below = underwater(net_pnl)[1]
    is_under = below < 0
    edges = np.diff(is_under.astype(np.int8), prepend=0, append=0)
    found = []
    for start, end in zip(
        np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True
    ):
        lowest = start + int(np.argmin(below[start:end]))
        found.append(
            Drawdown(
                to_date(days[start] - 1),
                to_date(days[lowest]),
                to_date(days[end]) if end < len(days) else None,
                float(-below[lowest]),
            )
        )
    found.sort(key=lambda each: (-each.depth, each.began))
    return found[:most]


def months(days: Ints, net_pnl: Floats) -> list[tuple[int, int, float]]:
    """Return (year, month, net PnL) of each calendar month from first to last day."""
    as_months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    first = as_months[0]
    sums = np.bincount(as_months - first, weights=net_pnl)
    return [
        (1970 + int(first + i) // 12, int(first + i) % 12 + 1, float(total))
        for i, total in enumerate(sums)
    ]


def rolling_sharpe(net_pnl: Floats, window: int = 30) -> Floats:
    """Return the Sharpe ratio of the days up to each one.

    ``mean / stddev_samp * sqrt(365)`` of daily net PnL, as `trader_profiles` has it of
    all days.

    Parameters
    ----------
    net_pnl : array of float64, shape (n,)
        Of every calendar day, USD.
    window
        Days.

    Returns
    -------
    array of float64, shape (max(n - window + 1, 0),)
        The first belongs to day ``window``; NaN where all days of a window are equal.
    """
    if len(net_pnl) < window:
        return np.empty(0)
    views = np.lib.stride_tricks.sliding_window_view(net_pnl, window)
    deviation = views.std(axis=1, ddof=1)
    is_flat = views.max(axis=1) == views.min(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = views.mean(axis=1) / deviation * np.sqrt(DAYS_PER_YEAR)
    return np.where(is_flat, np.nan, ratio)


def to_date(number: int | np.int64) -> date:
    """Return the date of a day since the epoch."""
    return EPOCH + timedelta(days=int(number))
