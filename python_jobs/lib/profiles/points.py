"""Running figures of traders as of the days at which they can have changed.

A trader's figures do not change until the trader's next row, so they are computed only
for the first as-of day at or after a row. A point is such a trader and day. Rows and
points are both in order of trader and day, so one pass over the rows computes them all.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Any

import numpy as np

from pgio.compiled import compilable, compiled
from python_jobs.lib.profiles.panel import DailyRows, Flags, TraderPanel
from python_jobs.lib.profiles.returns import Floats, Ints


@dataclass(frozen=True)
class Points:
    """Traders and as-of days, in order of trader and day, each pair once.

    Parameters
    ----------
    trader : array of int64, shape (points,)
        Number of the trader.
    day : array of int64, shape (points,)
        An as-of day: the first one that includes the change.
    """

    trader: Ints
    day: Ints


def changes(panel: TraderPanel, days: Ints) -> Points:
    """Find the first as-of days at or after each row of a trader.

    Parameters
    ----------
    panel : TraderPanel
        The traders and their rows.
    days : array of int64, shape (d,)
        The as-of days, ascending.

    Returns
    -------
    Points
        No point for a trader whose rows are all later than the last day.
    """
    keys = []
    for rows in (panel.daily, panel.flows, panel.positions, panel.curve):
        number = np.searchsorted(days, rows.day)
        is_seen = number < len(days)
        keys.append(_distinct(rows.trader[is_seen] * len(days) + number[is_seen]))
    trader, number = np.divmod(np.unique(np.concatenate(keys)), max(len(days), 1))
    return Points(trader, days[number])


def _distinct(ascending: Ints) -> Ints:
    is_new: Flags = np.diff(ascending, prepend=-1) != 0
    return ascending[is_new]


def rows_seen(rows: DailyRows, points: Points) -> tuple[Ints, Ints]:
    """Find the rows of each point: those of its trader up to its day.

    Parameters
    ----------
    rows : DailyRows
        In order of trader and day.
    points : Points
        What is wanted.

    Returns
    -------
    tuple of array of int64, shape (points,)
        Number of the first row, and of the row after the last.
    """
    first, last = int(rows.day.min(initial=0)), int(rows.day.max(initial=0))
    days = last - first + 2
    day = np.clip(points.day, first - 1, last)
    begin = np.searchsorted(rows.trader, points.trader)
    end = np.searchsorted(
        rows.trader * days + (rows.day - first),
        points.trader * days + (day - first),
        side="right",
    )
    return begin, end


def running_sums(trader: Ints, day: Ints, values: Floats, points: Points) -> Floats:
    """Add up each trader's rows up to each as-of day, one after the other.

    Parameters
    ----------
    trader, day : array of int64, shape (k,)
        In order of trader and day.
    values : array of float64, shape (k, m)
        What is added up.
    points : Points
        What is wanted.

    Returns
    -------
    array of float64, shape (points, m)
    """
    sums = np.empty((len(points.trader), values.shape[1]))
    _add_up(trader, day, values, points.trader, points.day, sums)
    return sums


@dataclass(frozen=True)
class PositionFigures:
    """Figures of closed positions that are not sums, each of shape (points,).

    Parameters
    ----------
    best_trade : array of float64
        Net PnL of the best rated position, at least 0, USD.
    median_seconds : array of float64
        Median holding time of the timed positions; NaN without any.
    squared_notional : array of float64
        Sum over coins of the squared notional that was put into rated positions.
    """

    best_trade: Floats
    median_seconds: Floats
    squared_notional: Floats

    @classmethod
    def as_of(cls, panel: TraderPanel, points: Points) -> PositionFigures:
        """Compute the figures from the positions of a panel."""
        closed = panel.positions
        coins = int(closed.coin.max(initial=0)) + 1
        pairs, pair = np.unique(
            closed.trader * coins + closed.coin, return_inverse=True
        )
        figures = np.empty((3, len(points.trader)))
        _walk(
            closed.trader,
            closed.day,
            closed.net_pnl,
            closed.entry_notional,
            closed.holding_seconds,
            closed.is_rated,
            closed.is_timed,
            pair,
            np.searchsorted(pairs, np.arange(len(panel.users) + 1) * coins),
            np.zeros(len(pairs)),
            points.trader,
            points.day,
            figures,
        )
        return cls(*figures)


@compiled
def _add_up(
    trader: Any, day: Any, values: Any, point_trader: Any, point_day: Any, sums: Any
) -> None:
    width = values.shape[1]
    total = np.zeros(width)
    row = 0
    for point in range(point_trader.size):
        who = point_trader[point]
        if point == 0 or point_trader[point - 1] != who:
            total[:] = 0.0
            while row < trader.size and trader[row] < who:
                row += 1
        while row < trader.size and trader[row] == who and day[row] <= point_day[point]:
            for i in range(width):
                total[i] += values[row, i]
            row += 1
        sums[point] = total


@compilable
def _push(lower: list[float], upper: list[float], value: float) -> None:
    """Keep the smaller half in ``lower``, negated, the rest in ``upper``: two heaps."""
    if upper[0] <= value:
        heappush(upper, value)
    else:
        heappush(lower, -value)
    if len(upper) > len(lower) + 1:
        heappush(lower, -heappop(upper))
    elif len(lower) > len(upper):
        heappush(upper, -heappop(lower))


@compilable
def _middle(lower: list[float], upper: list[float]) -> float:
    if len(upper) > len(lower):
        return upper[0]
    return (upper[0] - lower[0]) / 2 if len(lower) > 1 else np.nan


@compiled
def _walk(
    trader: Any,
    day: Any,
    net_pnl: Any,
    notional: Any,
    seconds: Any,
    is_rated: Any,
    is_timed: Any,
    pair: Any,
    first_pair: Any,
    by_pair: Any,
    point_trader: Any,
    point_day: Any,
    figures: Any,
) -> None:
    best = 0.0
    # Sentinels, so that an empty heap needs no check.
    lower, upper = [np.inf], [np.inf]
    row = 0
    for point in range(point_trader.size):
        who = point_trader[point]
        if point == 0 or point_trader[point - 1] != who:
            best = 0.0
            lower, upper = [np.inf], [np.inf]
            while row < trader.size and trader[row] < who:
                row += 1
        while row < trader.size and trader[row] == who and day[row] <= point_day[point]:
            if is_rated[row]:
                best = max(best, net_pnl[row])
                by_pair[pair[row]] += notional[row]
            if is_timed[row]:
                _push(lower, upper, seconds[row])
            row += 1
        squares = 0.0
        for i in range(first_pair[who], first_pair[who + 1]):
            squares += by_pair[i] * by_pair[i]
        figures[0, point] = best
        figures[1, point] = _middle(lower, upper)
        figures[2, point] = squares
