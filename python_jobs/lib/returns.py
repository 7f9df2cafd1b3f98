"""Risk figures of daily net PnL, for many traders at once.

The figures are kept as running moments and fed one calendar day at a time, so that the
value as of any day costs nothing extra and cannot see a later day. Days without
activity between a trader's first and last active day count as zero; days after the last
active one do not count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DAYS_PER_YEAR = 365
"""Crypto trades every day of the year, so a year has 365 periods and not 252."""


@dataclass
class DailyReturns:
    """Running moments of daily net PnL, one element per trader.

    Parameters
    ----------
    traders : int
        How many traders there are; they are numbered from 0.

    Notes
    -----
    Mean and sum of squared deviations follow Welford, runs of zero days are merged in
    closed form after Chan, Golub and LeVeque (1983), "Algorithms for Computing the
    Sample Variance". Sums of squares would cancel for traders whose mean is large.
    """

    traders: int
    first_day: Ints = field(init=False)
    last_day: Ints = field(init=False)
    days: Ints = field(init=False)
    mean: Floats = field(init=False)
    squared_deviations: Floats = field(init=False)
    squared_losses: Floats = field(init=False)
    lowest: Floats = field(init=False)
    highest: Floats = field(init=False)
    total: Floats = field(init=False)
    peak: Floats = field(init=False)
    drawdown: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.first_day = np.zeros(self.traders, np.int64)
        self.last_day = np.zeros(self.traders, np.int64)
        self.days = np.zeros(self.traders, np.int64)
        for name in ("mean", "squared_deviations", "squared_losses", "total", "peak"):
            setattr(self, name, np.zeros(self.traders))
        self.drawdown = np.zeros(self.traders)
        self.lowest = np.full(self.traders, np.inf)
        self.highest = np.full(self.traders, -np.inf)

    def add_day(self, day: int, traders: Ints, net_pnl: Floats) -> None:
        """Take in one calendar day.

        Parameters
        ----------
        day : int
            Days since the epoch; must be later than every day added before.
        traders : array of int64, shape (k,)
            The traders active on that day, each at most once.
        net_pnl : array of float64, shape (k,)
            Their net PnL of the day, USD.

        Raises
        ------
        ValueError
            If a trader already has this day or a later one.
        """
        before = self.days[traders]
        is_new = before == 0
        if np.any(~is_new & (self.last_day[traders] >= day)):
            raise ValueError(f"day {day} was added twice or out of order")
        idle = np.where(is_new, 0, day - self.last_day[traders] - 1)
        count = before + idle

        # First the idle days, all zero, in one merge …
        mean = self.mean[traders]
        with np.errstate(invalid="ignore"):
            kept = np.where(is_new, 0.0, before / count)
        deviations = self.squared_deviations[traders] + mean**2 * idle * kept
        mean = mean * kept
        idled = idle > 0
        self.lowest[traders] = np.where(
            idled, np.minimum(self.lowest[traders], 0.0), self.lowest[traders]
        )
        self.highest[traders] = np.where(
            idled, np.maximum(self.highest[traders], 0.0), self.highest[traders]
        )

        # … then the day itself.
        step = net_pnl - mean
        mean = mean + step / (count + 1)
        self.mean[traders] = mean
        self.squared_deviations[traders] = deviations + step * (net_pnl - mean)
        self.squared_losses[traders] += np.minimum(net_pnl, 0.0) ** 2
        self.lowest[traders] = np.minimum(self.lowest[traders], net_pnl)
        self.highest[traders] = np.maximum(self.highest[traders], net_pnl)

        total = self.total[traders] + net_pnl
        peak = np.maximum(self.peak[traders], total)
        self.total[traders] = total
        self.peak[traders] = peak
        self.drawdown[traders] = np.maximum(self.drawdown[traders], peak - total)

        self.first_day[traders] = np.where(is_new, day, self.first_day[traders])
        self.last_day[traders] = day
        self.days[traders] = count + 1

    def sharpe_ratio(self, min_days: int) -> Floats:
        """Annualised Sharpe ratio of daily net PnL.

        ``mean / stddev_samp * sqrt(365)``, the risk-free rate being zero.

        Parameters
        ----------
        min_days : int
            Calendar days from first to last active one below which there is no figure.

        Returns
        -------
        array of float64, shape (traders,)
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
        array of float64, shape (traders,)
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
        array of float64, shape (traders,)
            USD, not negative; NaN for a trader without any day.
        """
        return np.where(self.days > 0, self.drawdown, np.nan)
