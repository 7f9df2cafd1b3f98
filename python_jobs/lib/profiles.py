"""A trader's figures as of a day, for many traders at once.

`ProfileState` walks through the days in order and can be asked for its metrics after
any of them. `trader_profiles` asks once, at the last day of the data; `trader_cohorts`
asks every day. So the cohorts of the last day are the profiles, and no cohort can see
what happened after its day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from python_jobs.lib.profile_metrics import METRICS
from python_jobs.lib.profile_panel import (
    DAILY_MEASURES,
    FLOW_MEASURES,
    Flags,
    TraderPanel,
)
from python_jobs.lib.returns import DailyReturns, Floats, Ints

_POSITION_SUMS = (
    "closed_positions",
    "winning_positions",
    "losing_positions",
    "gains",
    "losses",
    "entry_notional",
    "long_notional",
    "liquidation_count",
    "liquidated_positions",
    "timed_positions",
    "timed_seconds",
    "timed_notional",
    "timed_notional_seconds",
)


@dataclass(frozen=True)
class ProfileOptions:
    """What of a profile is a matter of choice.

    Parameters
    ----------
    sharpe_min_days : int
        Calendar days below which there is no Sharpe and no Sortino ratio.
    confidence_positions, confidence_days : float
        Closed positions, and active days, at which each half of `confidence` is 0.5.
    """

    sharpe_min_days: int = 14
    confidence_positions: float = 20.0
    confidence_days: float = 14.0


class ProfileState:
    """Running sums per trader, advanced day by day.

    Parameters
    ----------
    panel : TraderPanel
        The traders and their rows.
    options : ProfileOptions
        The project's choices.
    """

    def __init__(self, panel: TraderPanel, options: ProfileOptions) -> None:
        count = len(panel.users)
        self.panel = panel
        self.options = options
        self.returns = DailyReturns(count)
        self.active_days = np.zeros(count)
        self.best_trade = np.zeros(count)
        self.sums = {
            name: np.zeros(count)
            for name in (*DAILY_MEASURES, *FLOW_MEASURES, *_POSITION_SUMS)
        }
        self._day = np.iinfo(np.int64).min
        positions = panel.positions
        coins = int(positions.coin.max(initial=0)) + 1
        # What a trader put into each coin, for the concentration.
        pairs, self._pair = np.unique(
            positions.trader * coins + positions.coin, return_inverse=True
        )
        self._pair_trader = pairs // coins
        self._pair_notional = np.zeros(len(pairs))
        # Timed positions by trader and holding time: those closed by a day, picked out
        # in this order, have their median in the middle.
        timed = np.flatnonzero(positions.is_timed)
        order = np.lexsort((positions.holding_seconds[timed], positions.trader[timed]))
        self._by_holding = timed[order]

    def advance(self, day: int) -> None:
        """Take in every day up to and including `day` (days since the epoch)."""
        for rows, add in (
            (self.panel.daily.day, self._add_daily),
            (self.panel.flows.day, self._add_flows),
            (self.panel.positions.day, self._add_positions),
        ):
            start, end = np.searchsorted(rows, [self._day, day], side="right")
            days, starts = np.unique(rows[start:end], return_index=True)
            bounds = [*(starts + start), end]
            for i, one in enumerate(days):
                add(int(one), slice(bounds[i], bounds[i + 1]))
        self._day = day

    def _add_daily(self, day: int, rows: slice) -> None:
        daily = self.panel.daily
        traders = daily.trader[rows]
        self.returns.add_day(day, traders, daily.measures["net_pnl"][rows])
        self.active_days[traders] += 1
        for name in DAILY_MEASURES:
            self.sums[name][traders] += daily.measures[name][rows]

    def _add_flows(self, day: int, rows: slice) -> None:
        flows = self.panel.flows
        for name in FLOW_MEASURES:
            self.sums[name][flows.trader[rows]] += flows.measures[name][rows]

    def _add_positions(self, day: int, rows: slice) -> None:
        closed = self.panel.positions
        liquidated = closed.trader[rows][closed.is_liquidated[rows]]
        np.add.at(self.sums["liquidation_count"], liquidated, 1.0)

        rated = np.arange(rows.start, rows.stop)[closed.is_rated[rows]]
        traders, net_pnl = closed.trader[rated], closed.net_pnl[rated]
        notional = closed.entry_notional[rated]
        self._add_all(
            traders,
            closed_positions=np.ones(len(rated)),
            winning_positions=net_pnl > 0,
            losing_positions=net_pnl < 0,
            gains=np.maximum(net_pnl, 0.0),
            losses=np.maximum(-net_pnl, 0.0),
            entry_notional=notional,
            long_notional=notional * closed.is_long[rated],
            liquidated_positions=closed.is_liquidated[rated],
        )
        np.maximum.at(self.best_trade, traders, net_pnl)
        np.add.at(self._pair_notional, self._pair[rated], notional)

        timed = rated[closed.is_timed[rated]]
        seconds, notional = closed.holding_seconds[timed], closed.entry_notional[timed]
        self._add_all(
            closed.trader[timed],
            timed_positions=np.ones(len(timed)),
            timed_seconds=seconds,
            timed_notional=notional,
            timed_notional_seconds=notional * seconds,
        )

    def _add_all(self, traders: Ints, **values: Floats | Flags) -> None:
        for name, value in values.items():
            np.add.at(self.sums[name], traders, value.astype(np.float64))

    def metrics(self) -> dict[str, Floats]:
        """Return every metric of `METRICS` as of the day advanced to.

        Returns
        -------
        dict of str to array of float64, shape (traders,)
            In the units of `trader_profiles`; NaN where a figure is not defined.
        """
        s, options = self.sums, self.options
        volume = s["maker_volume"] + s["taker_volume"]
        known = {name: s[name] for name in METRICS if name in s}
        confidence = np.sqrt(
            _saturate(s["closed_positions"], options.confidence_positions)
            * _saturate(self.active_days, options.confidence_days)
        )
        derived = {
            "active_days": self.active_days,
            "calendar_days": self.returns.days.astype(np.float64),
            "fills_per_active_day": _ratio(s["fill_count"], self.active_days),
            "transfer_share": _ratio(s["transfer_fills"], s["fill_count"]),
            "volume": volume,
            "volume_per_active_day": _ratio(volume, self.active_days),
            "net_pnl_bps": 1e4 * _ratio(s["net_pnl"], volume),
            "maker_share": _ratio(s["maker_volume"], volume),
            "spot_flow_share": _ratio(s["spot_flow"], s["flow"]),
            "flow_imbalance": _ratio(s["net_flow"], s["flow"]),
            "fill_win_rate": _ratio(s["winning_closes"], s["closing_fills"]),
            "position_win_rate": _ratio(s["winning_positions"], s["closed_positions"]),
            "profit_factor": _ratio(s["gains"], s["losses"]),
            "top_trade_share": _ratio(self.best_trade, s["gains"]),
            "sharpe_ratio": self.returns.sharpe_ratio(options.sharpe_min_days),
            "sortino_ratio": self.returns.sortino_ratio(options.sharpe_min_days),
            "max_drawdown": self.returns.max_drawdown(),
            "mean_holding_seconds": _ratio(s["timed_seconds"], s["timed_positions"]),
            "median_holding_seconds": self._median_holding(),
            "weighted_holding_seconds": _ratio(
                s["timed_notional_seconds"], s["timed_notional"]
            ),
            "long_share": _ratio(s["long_notional"], s["entry_notional"]),
            "coin_hhi": self._coin_hhi(),
            "liquidation_fills": s["own_liquidations"],
            "liquidation_share": _ratio(
                s["liquidated_positions"], s["closed_positions"]
            ),
            "confidence": confidence,
        }
        return {name: (known | derived)[name] for name in METRICS}

    def _median_holding(self) -> Floats:
        positions = self.panel.positions
        is_closed = positions.day[self._by_holding] <= self._day
        seconds = positions.holding_seconds[self._by_holding[is_closed]]
        counts = self.sums["timed_positions"].astype(np.int64)
        median = np.full(len(counts), np.nan)
        has = counts > 0
        first = (np.cumsum(counts) - counts)[has]
        low, high = first + (counts[has] - 1) // 2, first + counts[has] // 2
        median[has] = (seconds[low] + seconds[high]) / 2
        return median

    def _coin_hhi(self) -> Floats:
        squares = np.zeros(len(self.active_days))
        np.add.at(squares, self._pair_trader, self._pair_notional**2)
        return np.minimum(_ratio(squares, self.sums["entry_notional"] ** 2), 1.0)


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN where the denominator is zero."""
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole != 0)
    return result


def _saturate(count: Floats, half: float) -> Floats:
    """Map a count to [0, 1), 0.5 at `half`."""
    return count / (count + half)
