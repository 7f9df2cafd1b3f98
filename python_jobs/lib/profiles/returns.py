"""Risk figures of daily net PnL, for many traders as of many days at once.

The figures are computed from running moments, one calendar day after the other. So the
value as of any day costs nothing extra and cannot use later days. Days without activity
between a trader's first and last active day count as zero; later days do not count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pgio.compiled import compiled

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAYS_PER_YEAR = 365
"""Crypto trades every day of the year, so a year has 365 periods and not 252."""

_MOMENTS = 7


@dataclass(frozen=True)
class DailyReturns:
    """Moments of daily net PnL, one element for each trader and as-of day.

    Parameters
    ----------
    days : array of int64, shape (points,)
        Calendar days from the first to the last active one; 0 before the first.
    mean : array of float64, shape (points,)
        Mean over these days, USD.
    squared_deviations, squared_losses : array of float64, shape (points,)
        Sums over these days, of the squared distance from the mean and of the squares
        of negative days.
    lowest, highest : array of float64, shape (points,)
        The worst and the best day, USD.
    drawdown : array of float64, shape (points,)
        Deepest fall of the running total below its highest point, USD.
    """

    days: Ints
    mean: Floats
    squared_deviations: Floats
    squared_losses: Floats
    lowest: Floats
    highest: Floats
    drawdown: Floats

    @classmethod
    def as_of(
        cls,
        trader: Ints,
        day: Ints,
        net_pnl: Floats,
        *,
        point_trader: Ints,
        point_day: Ints,
    ) -> DailyReturns:
        """Compute the moments from active days, in order of trader and day.

        Parameters
        ----------
        trader, day : array of int64, shape (k,)
            Number of the trader, ascending, and days since the epoch, ascending within
            a trader.
        net_pnl : array of float64, shape (k,)
            Net PnL of the day, USD. From the first NaN on, no ratio is defined.
        point_trader, point_day : array of int64, shape (points,)
            Traders and as-of days wanted, in the same order; rows after a day are no
            part of its figures.

        Raises
        ------
        ValueError
            If a trader has a day twice, or rows are out of order.
        """
        moments = np.empty((_MOMENTS, len(point_trader)))
        stray = _walk(trader, day, net_pnl, point_trader, point_day, moments)
        if stray >= 0:
            raise ValueError(f"day {day[stray]} was added twice or out of order")
        return cls(moments[0].astype(np.int64), *moments[1:])

    def sharpe_ratio(self, min_days: int) -> Floats:
        """Annualised Sharpe ratio of daily net PnL.

        ``mean / stddev_samp * sqrt(365)``, the risk-free rate being zero.

        Parameters
        ----------
        min_days : int
            Calendar days from first to last active one below which there is no figure.

        Returns
        -------
        array of float64, shape (points,)
            NaN below `min_days` (at least 2) and where every day was the same.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            deviation = np.sqrt(self.squared_deviations / (self.days - 1))
            ratio = self.mean / deviation * np.sqrt(DAYS_PER_YEAR)
        is_defined = (self.days >= max(min_days, 2)) & (self.highest > self.lowest)
        return np.where(is_defined & (deviation > 0), ratio, np.nan)

    def sortino_ratio(self, min_days: int) -> Floats:
        """Annualised Sortino ratio of daily net PnL against a target of zero.

        ``mean / sqrt(mean of squared losses) * sqrt(365)``; the losses are averaged
        over all days, those without a loss counting as zero (target semideviation).

        Parameters
        ----------
        min_days : int
            As for `sharpe_ratio`.

        Returns
        -------
        array of float64, shape (points,)
            NaN below `min_days` (at least 2) and where no day lost money.
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            downside = np.sqrt(self.squared_losses / self.days)
            ratio = self.mean / downside * np.sqrt(DAYS_PER_YEAR)
        is_defined = (self.days >= max(min_days, 2)) & (self.squared_losses > 0)
        return np.where(is_defined, ratio, np.nan)

    def max_drawdown(self) -> Floats:
        """Deepest fall of cumulative net PnL below its highest point so far.

        The curve starts at zero, so a loss on the first day counts.

        Returns
        -------
        array of float64, shape (points,)
            USD, not negative; NaN for a trader without any day, and where the net PnL
            of a day is not known.
        """
        is_defined = (self.days > 0) & ~np.isnan(self.mean)
        return np.where(is_defined, self.drawdown, np.nan)


@compiled
def _walk(
    trader: Any,
    day: Any,
    net_pnl: Any,
    point_trader: Any,
    point_day: Any,
    moments: Any,
) -> int:
    """Write `_MOMENTS` rows; return a row that is out of order, or -1.

    Mean and sum of squared deviations follow Welford, runs of zero days are merged in
    closed form after Chan, Golub and LeVeque (1983), "Algorithms for Computing the
    Sample Variance". Sums of squares would cancel for traders whose mean is large.
    """
    row = 0
    for point in range(point_trader.size):
        who = point_trader[point]
        if point == 0 or point_trader[point - 1] != who:
            while row < trader.size and trader[row] < who:
                row += 1
            last, days = np.int64(0), np.int64(0)
            mean, deviations, losses = 0.0, 0.0, 0.0
            lowest, highest = np.inf, -np.inf
            total, peak, drawdown = 0.0, 0.0, 0.0
        while row < trader.size and trader[row] == who and day[row] <= point_day[point]:
            if row + 1 < trader.size and (
                trader[row + 1] < who
                or (trader[row + 1] == who and day[row + 1] <= day[row])
            ):
                return row + 1
            # First the idle days, all zero, in one merge …
            idle = day[row] - last - 1 if days else np.int64(0)
            count = days + idle
            kept = days / count if days else 0.0
            deviations += mean * mean * idle * kept
            mean *= kept
            if idle > 0:
                lowest, highest = min(lowest, 0.0), max(highest, 0.0)
            # … then the day itself.
            value = net_pnl[row]
            step = value - mean
            mean += step / (count + 1)
            deviations += step * (value - mean)
            if value < 0:
                losses += value * value
            lowest, highest = min(lowest, value), max(highest, value)
            total += value
            peak = max(peak, total)
            drawdown = max(drawdown, peak - total)
            last, days = day[row], count + 1
            row += 1
        moments[0, point] = days
        moments[1, point] = mean
        moments[2, point] = deviations
        moments[3, point] = losses
        moments[4, point] = lowest
        moments[5, point] = highest
        moments[6, point] = drawdown
    return -1
