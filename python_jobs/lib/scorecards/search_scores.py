"""Walk-forward evaluation of the forecasts for a venue's windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib.scorecards.forecast_skill import (
    LEAST_MEMBERS,
    Floats,
    Ints,
    calibration,
    compare,
    ensemble_scores,
    hit_rate,
)
from python_jobs.lib.scorecards.search_members import (
    nearest,
    nearest_paths,
    same_hours,
    spaced,
)

TARGETS = ("log_return", "volatility")
BASELINES = ("same_hour", "price_path", "unconditional", "persistence")

#: Lower limit for volatility (0.1 basis point): logarithms are compared, and log(0)
#: does not exist.
FLOOR = 1e-5

_CLASSES = 3
_SEED = 7
#: Most outcomes in memory at a time: 32 MB.
_BLOCK_VALUES = 1 << 22


@dataclass(frozen=True)
class History:
    """Windows of one venue and version, in order of time.

    Attributes
    ----------
    starts : array of int64, shape (n,)
        Seconds since the epoch.
    vectors : array of float32, shape (n, d)
        Of unit length.
    paths : array of float64, shape (n, s)
        Log price along the window minus the log price at its beginning.
    volatility : array of float64, shape (n,)
        Root of the sum of squared log returns within the window.
    outcomes : mapping of (str, str) to array of float64, shape (…, n)
        By horizon and target, as `label_snapshot` has it; NaN where unknown. A horizon
        starts at the end of the window. Leading axes are independent series, scored
        separately: tests score many shuffled series at once.
    """

    starts: Ints
    vectors: npt.NDArray[np.float32]
    paths: Floats
    volatility: Floats
    outcomes: Mapping[tuple[str, str], Floats]


@dataclass(frozen=True)
class Settings:
    """Shape of the windows, and settings of the evaluation.

    Attributes
    ----------
    step, width : int
        Seconds between the starts of two windows; seconds in a window.
    horizons : mapping of str to int
        Seconds by name.
    neighbours : int
        Number of similar windows in a forecast.
    """

    step: int
    width: int
    horizons: Mapping[str, int]
    neighbours: int

    def __post_init__(self) -> None:
        if self.neighbours < LEAST_MEMBERS:
            raise ValueError(
                f"similar_windows_count is {self.neighbours}: a forecast takes at "
                f"least {LEAST_MEMBERS} outcomes"
            )

    @property
    def spacing(self) -> int:
        """Seconds between query windows: an outcome ends before the next query."""
        return self.width + max(self.horizons.values())


@dataclass(frozen=True)
class Walk:
    """Query windows, and the earlier windows that forecasts of them are made of.

    Attributes
    ----------
    queries : array of int64, shape (q,)
        Indices of query windows, spaced so that each outcome ends before the next query
        window.
    pool : array of int64, shape (p,)
        Indices of windows with the same spacing from the first window on. Their
        outcomes do not overlap; the unconditional and persistence forecasts use them.
    members : dict of str to array of int64, shape (q, …)
        Indices by forecast, -1 for none.
    by_week : array of bool, shape (q,)
        Whether `same_hour` is the hour of the week, and not of the day.
    ties : array of float64, shape (q,)
        Random numbers in [0, 1) that place an outcome within a tie or between two
        members.
    """

    queries: Ints
    pool: Ints
    members: dict[str, Ints]
    by_week: npt.NDArray[np.bool_]
    ties: Floats

    @classmethod
    def over(cls, history: History, settings: Settings, evaluated_from: int) -> Walk:
        """Choose the query windows and the windows that each forecast uses.

        Query windows start at `evaluated_from` or later.
        """
        starts = history.starts
        width = settings.width
        pool = spaced(starts, settings.spacing)
        later = int(np.searchsorted(starts, evaluated_from))
        queries = later + spaced(starts[later:], settings.spacing)
        how = (starts, queries, settings.step, width, settings.neighbours)
        # Volatility classes use only windows before the first query: no look-ahead.
        before = history.volatility[starts + width <= evaluated_from]
        edges: Floats = np.empty(0)
        if before.size:
            edges = np.quantile(before, np.arange(1, _CLASSES) / _CLASSES)
        classes = np.searchsorted(edges, history.volatility).astype(np.int64)
        hours, by_week = same_hours(starts, classes, queries, width)
        at = starts[queries].tolist()
        return cls(
            queries,
            pool,
            {
                "similar": nearest(history.vectors[queries], history.vectors, *how),
                "price_path": nearest_paths(history.paths, *how),
                "same_hour": hours,
            },
            by_week,
            np.array([np.random.default_rng([_SEED, each]).random() for each in at]),
        )


@dataclass(frozen=True)
class WindowScores:
    """Scores of the query windows for a horizon and target, each of shape (…, q).

    Attributes
    ----------
    crps : dict of str to array of float64
        By forecast: `similar` and `BASELINES`; NaN where there is no forecast.
    pit : array of float64
        Rank of the outcome among those of the similar windows, 0 to 1.
    expected, observed : array of float64
        Mean outcome of the similar windows, and the actual outcome.
    """

    crps: dict[str, Floats]
    pit: Floats
    expected: Floats
    observed: Floats


def score_windows(
    history: History, walk: Walk, settings: Settings, horizon: str, target: str
) -> WindowScores:
    """Score all forecasts of a target.

    An outcome is used only if it was known when the query window ended. It is known at
    start + width + horizon, and the query window ends at query start + width: so start
    + horizon ≤ query start.
    Returns are compared as they are, volatilities by their logarithms.

    `persistence` forecasts volatility as the query window's own volatility
    × √(horizon / width) × an earlier ratio of outcome to own volatility. It forecasts
    returns as own volatility × an earlier return divided by its own volatility, once
    with each sign.
    """
    starts, queries, pool = history.starts, walk.queries, walk.pool
    seconds = settings.horizons[horizon]
    is_return = target == "log_return"
    outcome = history.outcomes[horizon, target]
    own = np.log(np.maximum(history.volatility, FLOOR))
    own += np.log(seconds / settings.width) / 2
    if not is_return:
        outcome = np.log(np.maximum(outcome, FLOOR))
    observed = outcome[..., queries]
    # Earliest query start at which a window may be used: the window has ended when the
    # query starts (width), and its horizon when the query ends (seconds).
    usable_from = starts + max(seconds, settings.width)

    crps: dict[str, Floats] = {}
    for name, members in walk.members.items():
        is_known = (members >= 0) & (usable_from[members] <= starts[queries][:, None])
        values = np.where(is_known, outcome[..., members], np.nan)
        crps[name], places = ensemble_scores(values, observed, walk.ties)
        if name == "similar":
            pit, known = places, np.sum(~np.isnan(values), axis=-1)
            expected = np.nansum(values, axis=-1) / np.where(known > 0, known, np.nan)
            expected[np.isnan(crps[name])] = np.nan

    drawn = outcome[..., None, pool]
    errors = drawn / np.exp(own[pool]) if is_return else drawn - own[pool]
    size = max(1, _BLOCK_VALUES // max(1, drawn.size))
    for name in ("unconditional", "persistence"):
        crps[name] = np.full(observed.shape, np.nan)
    for begin in range(0, queries.size, size):
        rows = slice(begin, begin + size)
        chosen = queries[rows]
        is_known = usable_from[pool] <= starts[chosen][:, None]
        persistent = np.where(is_known, errors, np.nan)
        if is_return:
            persistent = np.concatenate([persistent, -persistent], axis=-1)
            persistent *= np.exp(own[chosen])[:, None]
        else:
            persistent += own[chosen][:, None]
        values = np.where(is_known, drawn, np.nan)
        for name, made in (("unconditional", values), ("persistence", persistent)):
            crps[name][..., rows], _ = ensemble_scores(
                made, observed[..., rows], walk.ties[rows]
            )
    return WindowScores(crps, pit, expected, observed)


def scorecard(
    history: History, settings: Settings, evaluated_from: int
) -> Iterator[dict[str, Any]]:
    """Yield a row for each horizon, target and baseline, without its q-value."""
    walk = Walk.over(history, settings, evaluated_from)
    for horizon in settings.horizons:
        for target in TARGETS:
            scores = score_windows(history, walk, settings, horizon, target)
            similar = scores.crps["similar"]
            calibrated = calibration(scores.pit)
            hits = (
                hit_rate(scores.expected, scores.observed)
                if target == "log_return"
                else None
            )
            for baseline in BASELINES:
                other = scores.crps[baseline]
                found = compare(similar, other)
                scored = ~(np.isnan(similar) | np.isnan(other))
                at = [
                    datetime.fromtimestamp(start, UTC)
                    for start in history.starts[walk.queries[scored]].tolist()
                ]
                yield {
                    "horizon": horizon,
                    "target": target,
                    "baseline": baseline,
                    "first_bucket": at[0] if at else None,
                    "last_bucket": at[-1] if at else None,
                    "window_count": found.windows,
                    "hour_of_week_share": (
                        float(walk.by_week[scored].mean())
                        if baseline == "same_hour" and at
                        else None
                    ),
                    "crps": found.crps,
                    "baseline_crps": found.baseline_crps,
                    "skill": found.skill,
                    "skill_low": found.skill_low,
                    "skill_high": found.skill_high,
                    "dm_statistic": found.statistic,
                    "p_value": found.p_value,
                    "pit_deciles": calibrated and calibrated[0],
                    "pit_p_value": calibrated and calibrated[1],
                    "hit_count": hits and hits.windows,
                    "hit_rate": hits and hits.rate,
                    "hit_rate_low": hits and hits.low,
                    "hit_rate_high": hits and hits.high,
                    "base_rate": hits and hits.base_rate,
                }
