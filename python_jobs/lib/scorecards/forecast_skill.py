"""Compare a forecast with a baseline: scores and their statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scoringrules
from arch.bootstrap import CircularBlockBootstrap
from scipy.stats import chisquare
from statsmodels.api import OLS
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Least outcomes of a forecast; with fewer it is not scored.
LEAST_MEMBERS = 5
#: Least windows; with fewer no statistics are computed.
LEAST_WINDOWS = 30

_REPETITIONS = 1000
_SEED = 7


def ensemble_scores(
    members: Floats, observed: Floats, ties: Floats, least: int = LEAST_MEMBERS
) -> tuple[Floats, Floats]:
    """Score forecasts that are samples of outcomes.

    The score is the fair CRPS: what the distribution that the sample is drawn from
    would score, whatever the sample's size (Ferro 2014; Zamo and Naveau 2018 call the
    form computed here PWM). Plain CRPS penalises a sample of ten neighbours for its
    small size.

    Parameters
    ----------
    members : array of float64, shape (…, m)
        A forecast in each row; NaN for missing members.
    observed : array of float64, shape (…)
        Actual outcomes; NaN where unknown.
    ties : array of float64, broadcast to (…)
        Random numbers in [0, 1) that place the outcome between two members or in a tie.
    least : int
        Least members of a forecast.

    Returns
    -------
    crps, pit : array of float64, shape (…)
        CRPS in the unit of the outcomes, at most a little below 0; the outcome's place
        in its forecast, 0 to 1, uniform where forecasts are calibrated. NaN where there
        are too few members or no outcome.
    """
    values = np.sort(members, axis=-1)
    ties = np.broadcast_to(ties, observed.shape)
    counts = np.where(np.isnan(observed), 0, np.sum(~np.isnan(values), axis=-1))
    crps, pit = np.full((2, *observed.shape), np.nan)
    for count in np.unique(counts[counts >= max(least, 2)]):
        rows = counts == count
        chosen, outcome = values[rows, :count], observed[rows]
        crps[rows] = scoringrules.crps_ensemble(
            outcome, chosen, estimator="pwm", sorted_ensemble=True
        )
        below = np.sum(chosen < outcome[:, None], axis=1)
        tied = np.sum(chosen == outcome[:, None], axis=1)
        pit[rows] = (below + ties[rows] * (tied + 1)) / (count + 1)
    return crps, pit


@dataclass(frozen=True)
class Skill:
    """Comparison of a forecast with its baseline.

    Attributes
    ----------
    windows : int
        Windows that both have a score of.
    crps, baseline_crps : float or None
        Means.
    skill, skill_low, skill_high : float or None
        1 − crps / baseline_crps, and its 95 % interval.
    statistic, p_value : float or None
        Of the Diebold–Mariano test; positive is better, two-sided.
    """

    windows: int
    crps: float | None = None
    baseline_crps: float | None = None
    skill: float | None = None
    skill_low: float | None = None
    skill_high: float | None = None
    statistic: float | None = None
    p_value: float | None = None


def compare(crps: Floats, baseline: Floats, least: int = LEAST_WINDOWS) -> Skill:
    """Compare two forecasts of the same outcomes, which are in order of time.

    The interval is the percentile interval of a circular block bootstrap (Politis and
    Romano 1992) of pairs, blocks of n^(1/3). Diebold and Mariano (1995) divide the mean
    difference of scores by its standard error; that has a Newey–West variance with
    ⌊4 (n / 100)^(2/9)⌋ lags, and is referred to Student's t as Harvey, Leybourne and
    Newbold (1997) advise.

    Parameters
    ----------
    crps, baseline : array of float64, shape (n,)
        NaN where there is no score; such windows are left out.
    least : int
        With fewer windows, only means are computed.
    """
    known = ~(np.isnan(crps) | np.isnan(baseline))
    own, other = crps[known], baseline[known]
    count = int(own.size)
    if count == 0:
        return Skill(0)
    means = (float(own.mean()), float(other.mean()))
    if count < least or means[1] <= 0:
        return Skill(count, *means)
    statistic, p_value = diebold_mariano(own, other)
    bootstrap = CircularBlockBootstrap(
        max(1, round(count ** (1 / 3))), np.column_stack([own, other]), seed=_SEED
    )
    (low,), (high,) = bootstrap.conf_int(
        _skill, reps=_REPETITIONS, method="percentile", size=0.95
    )
    skill = 1 - means[0] / means[1]
    return Skill(count, *means, skill, float(low), float(high), statistic, p_value)


def _skill(scores: Floats) -> Floats:
    own, other = scores.mean(axis=0)
    return np.array([1 - own / other])


def diebold_mariano(crps: Floats, baseline: Floats) -> tuple[float, float]:
    """Return statistic and two-sided p-value: see `compare`; (0, 1) without difference.

    Parameters
    ----------
    crps, baseline : array of float64, shape (n,)
        In order of time, without NaN.
    """
    better = baseline - crps
    if np.ptp(better) == 0:
        return 0.0, 1.0
    lags = int(4 * (better.size / 100) ** (2 / 9))
    fitted = OLS(better, np.ones(better.size)).fit(
        cov_type="HAC",
        cov_kwds={"maxlags": lags, "use_correction": True},
        use_t=True,
    )
    return float(fitted.tvalues[0]), float(fitted.pvalues[0])


def q_values(p_values: npt.ArrayLike) -> Floats:
    """Return false-discovery rates by Benjamini and Hochberg (1995); NaN stays NaN."""
    p = np.asarray(p_values, np.float64)
    q = np.full(p.shape, np.nan)
    known = ~np.isnan(p)
    if known.any():
        q[known] = multipletests(p[known], method="fdr_bh")[1]
    return q


def with_q_values(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Add ``q_value`` to rows of a scorecard, over all that have a ``p_value``."""
    p_values = [np.nan if row["p_value"] is None else row["p_value"] for row in rows]
    return [
        {**row, "q_value": None if np.isnan(q) else float(q)}
        for row, q in zip(rows, q_values(p_values), strict=True)
    ]


def calibration(
    pit: Floats, least: int = LEAST_WINDOWS
) -> tuple[list[float], float] | None:
    """Return the share of outcomes in each tenth of their forecast, and a p-value.

    The p-value is that of Pearson's χ² against a tenth each; None below `least`.
    """
    known = pit[~np.isnan(pit)]
    if known.size < least:
        return None
    counts, _ = np.histogram(known, bins=10, range=(0, 1))
    return (counts / known.size).tolist(), float(chisquare(counts).pvalue)


@dataclass(frozen=True)
class HitRate:
    """Share of correct signs, and the share of the more frequent sign.

    Attributes
    ----------
    windows : int
        Windows whose forecast and outcome are not zero.
    rate, low, high : float
        Share that was right, with its 95 % interval (Wilson 1927).
    base_rate : float
        Share of the more frequent sign among the same outcomes: the hit rate of always
        forecasting that sign.
    """

    windows: int
    rate: float
    low: float
    high: float
    base_rate: float


def hit_rate(
    forecast: Floats, observed: Floats, least: int = LEAST_WINDOWS
) -> HitRate | None:
    """Compare signs, shape (n,) both; None below `least` windows with both."""
    product = forecast * observed
    known = ~np.isnan(product) & (product != 0)
    count = int(known.sum())
    if count < least:
        return None
    hits = int((product[known] > 0).sum())
    low, high = proportion_confint(hits, count, method="wilson")
    rose = float((observed[known] > 0).mean())
    return HitRate(count, hits / count, float(low), float(high), max(rose, 1 - rose))
