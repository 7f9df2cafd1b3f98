"""Signals computed again as if other traders were smart money.

Positions and memberships are spans of time. What a group holds of a coin is the sum
over their intersections, of what enters and what leaves at each moment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy import stats

from python_jobs.lib.scorecards.signal_scores import rank_correlations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: End of what has not ended, hours since 1970.
FOREVER = 2**40

_SEED = 16


@dataclass(frozen=True)
class Grid:
    """Moments at which signals are known.

    Attributes
    ----------
    first : int
        Hours since 1970 of the first.
    step : int
        Hours from one to the next.
    moments, coins : int
    """

    first: int
    step: int
    moments: int
    coins: int

    def index(self, hours: Ints) -> Ints:
        """Return the first moment at or after each hour, 0 to `moments`."""
        moments = -((self.first - hours) // self.step)
        return np.clip(moments, 0, self.moments)


@dataclass(frozen=True)
class Spans:
    """Something of traders that lasts for a time, in order of traders.

    Attributes
    ----------
    trader : array of int64, shape (n,)
        From 0.
    start, end : array of int64, shape (n,)
        Hours since 1970; the end is not in it.
    coin : array of int64, shape (n,)
        From 0; of memberships 0.
    value : array of float64, shape (n,)
        Signed size or USD; of memberships 1.
    """

    trader: Ints
    start: Ints
    end: Ints
    coin: Ints
    value: Floats

    def later(self, hours: int) -> Spans:
        """Return the same, so much later."""
        return replace(self, start=self.start + hours, end=self.end + hours)

    def at_moments(self, grid: Grid) -> Spans:
        """Return those that last over a moment of the grid."""
        kept = grid.index(self.start) < grid.index(self.end)
        return Spans(
            self.trader[kept],
            self.start[kept],
            self.end[kept],
            self.coin[kept],
            self.value[kept],
        )


@dataclass(frozen=True)
class Sums:
    """What a group has on each side, and how many have it; shape (moments, coins)."""

    long: Floats
    short: Floats
    longs: Floats
    shorts: Floats

    @property
    def net(self) -> Floats:
        """Long less short."""
        return self.long - self.short

    @property
    def gross(self) -> Floats:
        """Long and short."""
        return self.long + self.short

    @property
    def heads(self) -> Floats:
        """Traders on either side."""
        return self.longs + self.shorts


def grouped(spans: Spans, members: Spans, whose: Ints, grid: Grid) -> Sums:
    """Sum up what members have at each moment.

    Parameters
    ----------
    spans, members : Spans
    whose : array of int64, shape (traders,)
        Which trader has the membership of each: ``arange(traders)`` for the real one.
    grid : Grid
    """
    offsets = np.searchsorted(spans.trader, np.arange(whose.size + 1))
    begin = offsets[whose[members.trader]]
    counts = offsets[whose[members.trader] + 1] - begin
    member = np.repeat(np.arange(counts.size), counts)
    before = np.cumsum(counts) - counts
    at = np.arange(counts.sum()) + np.repeat(begin - before, counts)
    start = grid.index(np.maximum(spans.start[at], members.start[member]))
    end = grid.index(np.minimum(spans.end[at], members.end[member]))
    kept = start < end
    at, start, end = at[kept], start[kept], end[kept]
    value, coin = spans.value[at], spans.coin[at]
    entering, leaving = start * grid.coins + coin, end * grid.coins + coin
    shape = (grid.moments + 1, grid.coins)
    size = shape[0] * shape[1]

    def summed(weights: Floats) -> Floats:
        changes = np.bincount(entering, weights, size)
        changes -= np.bincount(leaving, weights, size)
        return np.asarray(np.cumsum(changes.reshape(shape), axis=0)[:-1], np.float64)

    sides = []
    for sign in (1, -1):
        amount = np.maximum(sign * value, 0)
        heads = summed((amount > 0).astype(np.float64))
        # Heads are exact: without any, what is left of sizes is rounding.
        sides.append((np.where(heads > 0, summed(amount), 0.0), heads))
    (long, longs), (short, shorts) = sides
    return Sums(long, short, longs, shorts)


@dataclass(frozen=True)
class Market:
    """What signals are made of, of all traders who could be members.

    Attributes
    ----------
    daily, hourly : Grid
    positions : Spans
        Sizes, from the end of the hour of a fill to that of the next.
    day_flows : Spans
        USD bought less sold on a day, in the day after it.
    hour_flows : Spans
        The same of an hour, in the hour after it; one for each trader and coin.
    members : mapping of str to Spans
        ``smart``, ``winner``, ``loser`` at the end of days, ``hourly`` for those who
        are smart in the hours after a day.
    day_prices, day_prices_before, hour_prices : array of float64
        Shape (moments, coins): the last price at the moments, 24 hours before them.
    z_days, z_least : int
        Days that z-scores look back, and how many they need.
    flow_from : int
        Hours since 1970 from which on a week's flow is known.
    """

    daily: Grid
    hourly: Grid
    positions: Spans
    day_flows: Spans
    hour_flows: Spans
    members: Mapping[str, Spans]
    day_prices: Floats
    day_prices_before: Floats
    hour_prices: Floats
    z_days: int
    z_least: int
    flow_from: int

    def signals(self, whose: Ints) -> dict[str, Floats]:
        """Compute the signals of `signal_list` for an assignment of memberships.

        Parameters
        ----------
        whose : array of int64, shape (traders,)
            As in `grouped`.

        Returns
        -------
        dict of str to array of float64, shape (moments, coins)
            By ``table.column``; NaN where not known.
        """
        daily = {f"asset_signals.{k}": v for k, v in self._daily(whose).items()}
        hourly = {f"smart_money_hourly.{k}": v for k, v in self._hourly(whose).items()}
        return daily | hourly

    @cached_property
    def _of_days(self) -> dict[str, Spans]:
        """Few positions last over the end of a day."""
        flows = self.day_flows
        spans = {
            "now": self.positions,
            "before": self.positions.later(24),
            "day": flows,
            "week": replace(flows, end=flows.end + 6 * 24),
        }
        return {name: each.at_moments(self.daily) for name, each in spans.items()}

    def _daily(self, whose: Ints) -> dict[str, Floats]:
        def held(group: str, what: str = "now") -> Sums:
            return grouped(self._of_days[what], self.members[group], whose, self.daily)

        smart, winners, losers = held("smart"), held("winner"), held("loser")
        before = held("smart", "before").net
        day, week = held("smart", "day"), held("smart", "week")
        net, gross = smart.net * self.day_prices, smart.gross * self.day_prices
        change = net - np.where(before != 0, before * self.day_prices_before, 0)
        exists = (smart.heads + winners.heads + losers.heads + week.heads) > 0
        at = self.daily.first + self.daily.step * np.arange(self.daily.moments)
        week_flow = np.where((at >= self.flow_from)[:, None], week.net, np.nan)
        return {
            "smart_net_usd": _ratio(net, gross),
            "net_z_score": trailing_z(
                np.where(exists, net, np.nan),
                self.z_days * 24 // self.daily.step,
                self.z_least,
            ),
            "net_flow_24h_usd": _ratio(day.net, gross + np.abs(day.net)),
            "net_flow_7d_usd": _ratio(week_flow, gross + np.abs(week_flow)),
            "net_change_24h_usd": _ratio(change, gross + np.abs(change)),
            "winners_minus_losers": _ratio(winners.net, winners.gross)
            - _ratio(losers.net, losers.gross),
            "agreement": np.sign(net)
            * _ratio(np.where(net >= 0, smart.longs, smart.shorts), smart.heads),
        }

    def _hourly(self, whose: Ints) -> dict[str, Floats]:
        members = self.members["hourly"]
        smart = grouped(self.positions, members, whose, self.hourly)
        flow = grouped(self.hour_flows, members, whose, self.hourly)
        net, gross = smart.net * self.hour_prices, smart.gross * self.hour_prices
        exists = (smart.heads + flow.heads) > 0
        return {
            "smart_net_usd": _ratio(net, gross),
            "net_z_score": trailing_z(
                np.where(exists, net, np.nan), self.z_days * 24, self.z_least * 24
            ),
            "net_flow_usd": _ratio(flow.net, gross + np.abs(flow.net)),
            "buyer_count": _ratio(flow.longs - flow.shorts, flow.heads),
        }


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan))


def trailing_z(values: Floats, window: int, least: int) -> Floats:
    """Return (value − mean) / sample standard deviation of the moments before each.

    Parameters
    ----------
    values : array of float64, shape (moments, coins)
        NaN where there is none: not in the mean, and no score.
    window, least : int
        Moments that it looks back, and values that it needs there.
    """
    known = ~np.isnan(values)
    scale = np.abs(np.where(known, values, 0)).max(axis=0, initial=0)
    scaled = np.where(known, values, 0) / np.where(scale > 0, scale, 1)

    def trailing(each: Floats) -> Floats:
        padded = np.vstack([np.zeros((1, each.shape[1])), np.cumsum(each, axis=0)])
        at = np.arange(each.shape[0])
        return np.asarray(padded[at] - padded[np.maximum(at - window, 0)])

    count = trailing(known.astype(np.float64))
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = trailing(scaled) / count
        variance = (trailing(scaled**2) - count * mean**2) / (count - 1)
        # Below this, it is rounding of the sums.
        spread = np.sqrt(np.where(variance > 1e-13, variance, np.nan))
        return np.asarray(
            np.where(known & (count >= least), (scaled - mean) / spread, np.nan)
        )


def assignments(strata: Ints, count: int, seed: int = _SEED) -> npt.NDArray[np.int64]:
    """Draw assignments of whole memberships to traders of the same stratum.

    Parameters
    ----------
    strata : array of int64, shape (traders,)
    count, seed : int

    Returns
    -------
    array of int64, shape (count, traders)
        Which trader has the membership of each.
    """
    rng = np.random.default_rng(seed)
    places = np.argsort(strata, kind="stable")
    drawn = np.empty((count, strata.size), np.int64)
    for row in drawn:
        row[places] = np.lexsort((rng.random(strata.size), strata))
    return drawn


def mean_correlations(
    signals: Mapping[str, Floats],
    returns: Mapping[int, Sequence[Floats]],
    moments: Sequence[Ints],
) -> dict[tuple[str, int], float]:
    """Return mean rank correlations, by signal and horizon; NaN without any.

    Parameters
    ----------
    signals : mapping of str to array
        Of `Market.signals`.
    returns : mapping of int to two arrays, shape (moments, coins)
        By horizon: at the daily and at the hourly moments.
    moments : two arrays of int64
        Which of each are looked at.
    """
    found = {}
    for name, signal in signals.items():
        which = int(name.startswith("smart_money_hourly."))
        chosen = signal[moments[which]]
        for horizon, outcomes in returns.items():
            ic, _ = rank_correlations(chosen, outcomes[which][moments[which]])
            is_known = ~np.isnan(ic)
            mean = ic[is_known].mean() if is_known.any() else np.nan
            found[name, horizon] = float(mean)
    return found


def shuffled_p(observed: Floats, shuffled: Floats) -> Floats:
    """Return how often shuffles are as far from their mean, in either direction.

    Shuffles are too few to count small probabilities: their distribution is taken to be
    normal. With mean m and standard deviation s of n shuffles, another one, less m, by
    s √(1 + 1/n) has Student's distribution with n − 1 degrees of freedom.

    Parameters
    ----------
    observed : array of float64, shape (k,)
    shuffled : array of float64, shape (n, k)

    Returns
    -------
    array of float64, shape (k,)
        NaN where either is not known in more than a tenth of the shuffles, or where
        these do not differ.
    """
    known = ~np.isnan(shuffled)
    count = known.sum(axis=0)
    enough = (count >= 0.9 * len(shuffled)) & (count > 2) & ~np.isnan(observed)
    p = np.full(observed.size, np.nan)
    chosen = shuffled[:, enough]
    n = count[enough]
    spread = np.nanstd(chosen, axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        statistic = np.abs(observed[enough] - np.nanmean(chosen, axis=0)) / (
            spread * np.sqrt(1 + 1 / n)
        )
    p[enough] = np.where(spread > 0, 2 * stats.t.sf(statistic, n - 1), np.nan)
    return p
