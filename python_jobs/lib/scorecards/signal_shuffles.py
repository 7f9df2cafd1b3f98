"""Signals for random assignments of the smart-money memberships to traders.

Positions and memberships are spans of time. The holding of a group is the sum over all
overlaps of position spans and membership spans. It is computed as a running sum of what
enters and leaves at each moment. The signals are those of `signal_list`, and change
with them and with their SQL models.
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

#: End of a span that has not ended, hours since 1970.
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
        # Division that rounds up.
        moments = -((self.first - hours) // self.step)
        return np.clip(moments, 0, self.moments)


@dataclass(frozen=True)
class Spans:
    """Values of traders with a start and an end, sorted by trader.

    These are positions, flows or memberships.

    Attributes
    ----------
    trader : array of int64, shape (n,)
        Index of the trader, from 0.
    start, end : array of int64, shape (n,)
        Hours since 1970; the end is exclusive.
    coin : array of int64, shape (n,)
        Index of the coin, from 0; 0 for memberships.
    value : array of float64, shape (n,)
        Signed size or USD; 1 for memberships.
    """

    trader: Ints
    start: Ints
    end: Ints
    coin: Ints
    value: Floats

    def later(self, hours: int) -> Spans:
        """Return the spans shifted by a number of hours."""
        return replace(self, start=self.start + hours, end=self.end + hours)

    def at_moments(self, grid: Grid) -> Spans:
        """Return the spans that cover a moment of the grid."""
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
    """Amount and number of traders on each side of a group; shape (moments, coins)."""

    long_value: Floats
    short_value: Floats
    long_count: Floats
    short_count: Floats

    @property
    def net(self) -> Floats:
        """Long minus short."""
        return self.long_value - self.short_value

    @property
    def gross(self) -> Floats:
        """Long plus short."""
        return self.long_value + self.short_value

    @property
    def trader_count(self) -> Floats:
        """Traders on either side."""
        return self.long_count + self.short_count


def grouped(spans: Spans, members: Spans, assigned: Ints, grid: Grid) -> Sums:
    """Sum up the values of members at each moment.

    Parameters
    ----------
    spans, members : Spans
    assigned : array of int64, shape (traders,)
        ``assigned[i]`` is the trader who gets the membership of trader ``i``;
        ``arange(traders)`` is the real assignment.
    grid : Grid
    """
    # All pairs of a membership and a span of the trader who got it.
    offsets = np.searchsorted(spans.trader, np.arange(assigned.size + 1))
    begin = offsets[assigned[members.trader]]
    counts = offsets[assigned[members.trader] + 1] - begin
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
        trader_count = summed((amount > 0).astype(np.float64))
        # Counts are exact. Where the count is 0, a remaining size is only rounding
        # error and is set to 0.
        sides.append((np.where(trader_count > 0, summed(amount), 0.0), trader_count))
    (long, long_count), (short, short_count) = sides
    return Sums(long, short, long_count, short_count)


@dataclass(frozen=True)
class Market:
    """The data that signals are computed from, for all traders who could be members.

    Attributes
    ----------
    daily, hourly : Grid
    positions : Spans
        Position sizes. Each is valid from the end of the hour of a fill to the end of
        the hour of the next fill.
    day_flows : Spans
        USD bought minus USD sold on a day, valid on the next day.
    hour_flows : Spans
        The same per hour, valid in the next hour; at most one span per trader, coin and
        hour, because buyers and sellers are counted.
    members : mapping of str to Spans
        ``smart``, ``winner`` and ``loser`` at the end of days; ``hourly`` for traders
        who are smart in the hours after a day.
    day_prices, day_prices_before, hour_prices : array of float64
        Shape (moments, coins): last prices at the daily moments, 24 hours before the
        daily moments, and at the hourly moments.
    z_days, z_least : int
        Days that z-scores look back, and how many of them must have a value.
    flow_from : int
        First hour, since 1970, at which a week's flow is known.
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

    def signals(self, assigned: Ints) -> dict[str, Floats]:
        """Compute the signals of `signal_list` for an assignment of memberships.

        Parameters
        ----------
        assigned : array of int64, shape (traders,)
            As in `grouped`.

        Returns
        -------
        dict of str to array of float64, shape (moments, coins)
            By ``table.column``; NaN where unknown.
        """
        daily = {f"asset_signals.{k}": v for k, v in self._daily(assigned).items()}
        hourly = {
            f"smart_money_hourly.{k}": v for k, v in self._hourly(assigned).items()
        }
        return daily | hourly

    @cached_property
    def _daily_spans(self) -> dict[str, Spans]:
        """Spans for the daily signals.

        Only those that cover a moment of the daily grid, which are few: this saves
        work.
        """
        flows = self.day_flows
        spans = {
            "now": self.positions,
            "before": self.positions.later(24),
            "day": flows,
            "week": replace(flows, end=flows.end + 6 * 24),
        }
        return {name: each.at_moments(self.daily) for name, each in spans.items()}

    def _daily(self, assigned: Ints) -> dict[str, Floats]:
        def held(group: str, what: str = "now") -> Sums:
            return grouped(
                self._daily_spans[what], self.members[group], assigned, self.daily
            )

        smart, winners, losers = held("smart"), held("winner"), held("loser")
        before = held("smart", "before").net
        day, week = held("smart", "day"), held("smart", "week")
        net, gross = smart.net * self.day_prices, smart.gross * self.day_prices
        change = net - np.where(before != 0, before * self.day_prices_before, 0)
        exists = (
            smart.trader_count
            + winners.trader_count
            + losers.trader_count
            + week.trader_count
        ) > 0
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
            * _ratio(
                np.where(net >= 0, smart.long_count, smart.short_count),
                smart.trader_count,
            ),
        }

    def _hourly(self, assigned: Ints) -> dict[str, Floats]:
        members = self.members["hourly"]
        smart = grouped(self.positions, members, assigned, self.hourly)
        flow = grouped(self.hour_flows, members, assigned, self.hourly)
        net, gross = smart.net * self.hour_prices, smart.gross * self.hour_prices
        exists = (smart.trader_count + flow.trader_count) > 0
        return {
            "smart_net_usd": _ratio(net, gross),
            "net_z_score": trailing_z(
                np.where(exists, net, np.nan), self.z_days * 24, self.z_least * 24
            ),
            "net_flow_usd": _ratio(flow.net, gross + np.abs(flow.net)),
            # The name in `signal_list`; its formula is (buyers - sellers) / traders.
            "buyer_count": _ratio(
                flow.long_count - flow.short_count, flow.trader_count
            ),
        }


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(below > 0, above / below, np.nan))


def trailing_z(values: Floats, window: int, least: int) -> Floats:
    """Return each value minus the mean of earlier ones, in standard deviations.

    Mean and sample standard deviation are those of the moments before the value.

    Parameters
    ----------
    values : array of float64, shape (moments, coins)
        NaN where there is no value; it is left out of the mean and gets no score.
    window, least : int
        Moments that it looks back, and how many of them must have a value.
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
        # A smaller variance is only rounding error of the sums.
        spread = np.sqrt(np.where(variance > 1e-13, variance, np.nan))
        return np.asarray(
            np.where(known & (count >= least), (scaled - mean) / spread, np.nan)
        )


def assignments(strata: Ints, count: int, seed: int = _SEED) -> npt.NDArray[np.int64]:
    """Draw assignments: each trader gets those of a random trader of its stratum.

    Parameters
    ----------
    strata : array of int64, shape (traders,)
    count, seed : int

    Returns
    -------
    array of int64, shape (count, traders)
        As `assigned` of `grouped`, one assignment in each row.
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
    """Return mean rank correlations by signal and horizon; NaN if none is known.

    Parameters
    ----------
    signals : mapping of str to array
        From `Market.signals`.
    returns : mapping of int to two arrays, shape (moments, coins)
        By horizon: at the daily and at the hourly moments.
    moments : two arrays of int64
        Which daily and which hourly moments are used.
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
    """Return two-sided p-values.

    A p-value is the probability that a shuffle lies as far from the shuffles' mean as
    the observed value. There are too few shuffles to count small probabilities, so
    their distribution is assumed to be normal. If m and s are mean and standard
    deviation of n shuffles, (x − m) / (s √(1 + 1/n)) of another shuffle x has Student's
    t distribution with n − 1 degrees of freedom.

    Parameters
    ----------
    observed : array of float64, shape (k,)
    shuffled : array of float64, shape (n, k)

    Returns
    -------
    array of float64, shape (k,)
        NaN if the observed value is unknown, if more than a tenth of the shuffles are
        unknown, or if all shuffles are equal.
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
