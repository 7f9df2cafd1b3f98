"""Do the signals predict anything? Rows of the scorecard, from arrays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib.scorecards.forecast_skill import with_q_values
from python_jobs.lib.scorecards.signal_list import DAILY, HOURLY
from python_jobs.lib.scorecards.signal_reading import Observed
from python_jobs.lib.scorecards.signal_scores import Estimate, score
from python_jobs.lib.scorecards.signal_shuffles import (
    Grid,
    Market,
    assignments,
    mean_correlations,
    shuffled_p,
)

Ints = npt.NDArray[np.int64]
Row = dict[str, Any]

LISTED = {
    f"{table}.{each.column}": each
    for table, signals in (("asset_signals", DAILY), ("smart_money_hourly", HOURLY))
    for each in signals
}


@dataclass(frozen=True)
class Shuffled:
    """Comparison of signals with those of shuffled members.

    Attributes
    ----------
    p_values, means : dict
        By signal and horizon: see `shuffled_p`; mean rank correlation of the shuffles.
    shuffles, traders : int
        Number of shuffles and of shuffled traders.
    moments : tuple of two int
        Number of daily and of hourly moments compared.
    """

    p_values: dict[tuple[str, int], float]
    means: dict[tuple[str, int], float]
    shuffles: int
    traders: int
    moments: tuple[int, int]


def shuffle(
    observed: Observed, market: Market, strata: Ints, count: int, most: int
) -> Shuffled:
    """Compare the signals with those of `count` shuffles, at up to `most` moments.

    The real assignment is computed in the same way as the shuffled ones.
    """
    moments = [_spread(grid, most) for grid in observed.grids]
    real = np.arange(strata.size)
    drawn = [
        mean_correlations(market.signals(assigned), observed.returns, moments)
        for assigned in (real, *assignments(strata, count))
    ]
    keys = list(drawn[0])
    table = np.array([[each[key] for key in keys] for each in drawn])
    p_values = shuffled_p(table[0], table[1:])
    known = ~np.isnan(table[1:])
    means = np.where(known, table[1:], 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    return Shuffled(
        dict(zip(keys, p_values.tolist(), strict=True)),
        dict(zip(keys, means.tolist(), strict=True)),
        count,
        strata.size,
        (moments[0].size, moments[1].size),
    )


def _spread(grid: Grid, most: int) -> Ints:
    """Choose evenly spaced moments."""
    every = -(-grid.moments // most)
    return np.arange(0, grid.moments, max(every, 1))


def scorecard(
    observed: Observed, shuffled: Shuffled | None, cost_bps: float
) -> list[Row]:
    """Return a row for each signal and horizon, with q-values over all of them."""
    return with_q_values(list(_rows(observed, shuffled, cost_bps)))


def _rows(
    observed: Observed, shuffled: Shuffled | None, cost_bps: float
) -> Iterator[Row]:
    for name, signal in observed.signals.items():
        which = int(name.startswith("smart_money_hourly."))
        step = observed.grids[which].step
        for horizon, returns in observed.returns.items():
            found = score(signal, returns[which], horizon, step, cost_bps)
            p_value = shuffled.p_values[name, horizon] if shuffled else np.nan
            has_p = found.ic.value is not None and not np.isnan(p_value)
            notes = [found.note] if found.note else []
            if found.ic.value is not None and not has_p:
                notes.append(
                    "no p-value: too few traders to shuffle"
                    if shuffled
                    else "no p-value: the daily or the hourly signals have no rows"
                )
            yield {
                "signal": name,
                "horizon_hours": horizon,
                "meaning": LISTED[name].meaning,
                "formula": LISTED[name].formula,
                "observations": found.observations,
                "periods": found.moments,
                **_estimate("ic", found.ic),
                **_estimate("hit_rate", found.hit_rate),
                "base_rate": found.base_rate,
                **_estimate("net_return", found.net_return),
                "turnover": found.turnover,
                "cost_bps": cost_bps,
                "p_value": p_value if has_p else None,
                "shuffled_ic": (
                    shuffled.means[name, horizon] if shuffled and has_p else None
                ),
                "shuffle_count": shuffled.shuffles if shuffled and has_p else 0,
                "shuffle_traders": shuffled.traders if shuffled and has_p else 0,
                "shuffle_periods": shuffled.moments[which] if shuffled and has_p else 0,
                "note": "; ".join(notes) or None,
            }


def _estimate(name: str, found: Estimate) -> Row:
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
