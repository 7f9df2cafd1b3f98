"""A trader's figures as of a day, for many traders and days at once.

`trader_profiles` computes the last day of the data, `trader_cohorts` every day on which
figures changed. Both use this code, so cohorts of the last day agree with the profiles,
and no cohort uses later data.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from python_jobs.lib.profiles.flows import EXACT
from python_jobs.lib.profiles.metrics import METRICS
from python_jobs.lib.profiles.panel import (
    COUNTS,
    CURVE_MEASURES,
    ClosedPositions,
    DailyRows,
    Flags,
    TraderPanel,
    to_floats,
)
from python_jobs.lib.profiles.points import Points, PositionFigures, running_sums
from python_jobs.lib.profiles.returns import DailyReturns, Floats


@dataclass(frozen=True)
class ProfileOptions:
    """The configurable settings of a profile.

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


def figures(
    panel: TraderPanel, points: Points, exact: pa.Table, options: ProfileOptions
) -> dict[str, Floats]:
    """Compute every metric of traders as of days.

    Parameters
    ----------
    panel : TraderPanel
        The traders and their rows; figures of a day do not use later rows.
    points : Points
        Which traders, as of which days.
    exact : pyarrow.Table
        Result of `exact_figures` for the same points.
    options : ProfileOptions
        The project's choices.

    Returns
    -------
    dict of str to array of float64, shape (points,)
        `METRICS`, in the units of `trader_profiles`; NaN where a figure is not defined.
    """
    daily, closed = panel.daily, panel.positions
    counts = {name: daily.measures[name] for name in COUNTS}
    s = (
        _sums(daily, {"active_days": np.ones(len(daily.day))} | counts, points)
        | _sums(panel.flows, panel.flows.measures, points)
        | _sums(closed, _position_measures(closed), points)
        | {
            name: to_floats(exact[name])
            for name in (*EXACT, "maker_volume", "twap_volume", *CURVE_MEASURES)
        }
    )
    returns = DailyReturns.as_of(
        daily.trader,
        daily.day,
        daily.measures["net_pnl"],
        point_trader=points.trader,
        point_day=points.day,
    )
    positions = PositionFigures.as_of(panel, points)
    known = {name: s[name] for name in METRICS if name in s}
    return known | _derived(s, returns, positions, options)


def turnover(metrics: Mapping[str, Floats]) -> Floats:
    """Return the volume divided by the value held, per day.

    This is turnover by gross holdings, the default of pyfolio's `get_turnover`, over
    all days of the equity curve instead of one day.

    Parameters
    ----------
    metrics : mapping of str to array of float64, shape (points,)
        `volume` and `mtm_mean_exposure`, USD, and `mtm_days`.

    Returns
    -------
    array of float64, shape (points,)
        USD traded per day and USD held; NaN where nothing was held at the end of a day.
    """
    return _ratio(metrics["volume"], metrics["mtm_mean_exposure"] * metrics["mtm_days"])


def _sums(
    rows: DailyRows | ClosedPositions,
    measures: Mapping[str, Floats | Flags],
    points: Points,
) -> dict[str, Floats]:
    values = np.column_stack([each.astype(np.float64) for each in measures.values()])
    sums = running_sums(rows.trader, rows.day, values, points)
    return dict(zip(measures, np.ascontiguousarray(sums.T), strict=True))


def _position_measures(closed: ClosedPositions) -> dict[str, Floats | Flags]:
    """Return values to add up over closed positions; all but one over rated ones."""
    rated, timed = closed.is_rated, closed.is_timed
    notional = closed.entry_notional
    seconds = np.where(timed, closed.holding_seconds, 0.0)
    timed_notional = np.where(timed, notional, 0.0)
    return {
        "liquidation_count": closed.is_liquidated,
        "closed_positions": rated,
        "winning_positions": rated & (closed.net_pnl > 0),
        "losing_positions": rated & (closed.net_pnl < 0),
        "gains": np.where(rated, np.maximum(closed.net_pnl, 0.0), 0.0),
        "losses": np.where(rated, np.maximum(-closed.net_pnl, 0.0), 0.0),
        "entry_notional": np.where(rated, notional, 0.0),
        "long_notional": np.where(rated & closed.is_long, notional, 0.0),
        "liquidated_positions": rated & closed.is_liquidated,
        "timed_positions": timed,
        "timed_seconds": seconds,
        "timed_notional": timed_notional,
        "timed_notional_seconds": timed_notional * seconds,
    }


def _derived(
    s: dict[str, Floats],
    returns: DailyReturns,
    positions: PositionFigures,
    options: ProfileOptions,
) -> dict[str, Floats]:
    """Compute the metrics that are not sums."""
    volume = s["volume"]
    active_days = s["active_days"]
    confidence = np.sqrt(
        _saturate(s["closed_positions"], options.confidence_positions)
        * _saturate(active_days, options.confidence_days)
    )
    notional = s["entry_notional"]
    hhi = _ratio(positions.squared_notional, notional**2)
    return {
        "calendar_days": returns.days.astype(np.float64),
        "fills_per_active_day": _ratio(s["fill_count"], active_days),
        "transfer_share": _ratio(s["transfer_fills"], s["fill_count"]),
        "volume_per_active_day": _ratio(volume, active_days),
        "net_pnl_bps": 1e4 * _ratio(s["net_pnl"], volume),
        "maker_share": _ratio(s["maker_volume"], volume),
        "twap_share": _ratio(s["twap_volume"], volume),
        "spot_flow_share": _ratio(s["spot_flow"], s["flow"]),
        "flow_imbalance": _ratio(s["net_flow"], s["flow"]),
        "fill_win_rate": _ratio(s["winning_closes"], s["closing_fills"]),
        "position_win_rate": _ratio(s["winning_positions"], s["closed_positions"]),
        "profit_factor": _ratio(s["gains"], s["losses"]),
        "top_trade_share": _ratio(positions.best_trade, s["gains"]),
        "sharpe_ratio": returns.sharpe_ratio(options.sharpe_min_days),
        "sortino_ratio": returns.sortino_ratio(options.sharpe_min_days),
        "max_drawdown": returns.max_drawdown(),
        "turnover": turnover(s),
        "mean_holding_seconds": _ratio(s["timed_seconds"], s["timed_positions"]),
        "median_holding_seconds": positions.median_seconds,
        "weighted_holding_seconds": _ratio(
            s["timed_notional_seconds"], s["timed_notional"]
        ),
        "long_share": _ratio(s["long_notional"], notional),
        "coin_hhi": np.minimum(hhi, 1.0),
        "liquidation_fills": s["own_liquidations"],
        "liquidation_share": _ratio(s["liquidated_positions"], s["closed_positions"]),
        "confidence": confidence,
    }


def _ratio(part: Floats, whole: Floats) -> Floats:
    """Divide; NaN where the denominator is zero."""
    result = np.full(len(whole), np.nan)
    np.divide(part, whole, out=result, where=whole != 0)
    return result


def _saturate(count: Floats, half: float) -> Floats:
    """Map a count to [0, 1), 0.5 at `half`."""
    return count / (count + half)
