"""Scores of a signal by later returns: rank correlation, hit rate, a portfolio."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from arch.bootstrap import CircularBlockBootstrap
from scipy import stats

Floats = npt.NDArray[np.float64]

#: Least coins of a cross-section at a moment.
LEAST_COINS = 5
#: With fewer moments or bootstrap blocks there is no interval.
LEAST_MOMENTS = 30
LEAST_BLOCKS = 10

_SEED = 16


@dataclass(frozen=True)
class Estimate:
    """A mean with the ends of its 95 % interval, which are None where there is none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Score:
    """Scores of a signal at one horizon.

    Attributes
    ----------
    observations : int
        Coins and moments with a signal and a return.
    moments : int
        Moments with a cross-section: `LEAST_COINS` of them that differ in both.
    ic : Estimate
        Mean over moments of Spearman's correlation across coins.
    hit_rate : Estimate
        Share of observations in which signal and return have the same sign, of those
        in which neither is zero.
    base_rate : float or None
        Share of the more frequent sign among the same returns.
    net_return : Estimate
        Mean return of the long–short portfolio over the horizon, after cost.
    turnover : float or None
        Amount traded at each change of the portfolio, as a share of gross size.
    note : str or None
        Why figures are missing.
    """

    observations: int
    moments: int
    ic: Estimate = Estimate()
    hit_rate: Estimate = Estimate()
    base_rate: float | None = None
    net_return: Estimate = Estimate()
    turnover: float | None = None
    note: str | None = None


def centred_ranks(values: Floats, known: npt.NDArray[np.bool_]) -> Floats:
    """Rank the known values of each row, ties shared, less the row's mean; 0 elsewhere.

    Parameters
    ----------
    values : array of float64, shape (moments, coins)
    known : array of bool, same shape
    """
    ranks = stats.rankdata(np.where(known, values, np.nan), axis=1, nan_policy="omit")
    means = (known.sum(axis=1, keepdims=True) + 1) / 2
    return np.asarray(np.where(known, ranks - means, 0.0))


def rank_correlations(signal: Floats, returns: Floats) -> tuple[Floats, Floats]:
    """Correlate ranks across coins (Spearman 1904), and hold the signal as a portfolio.

    Parameters
    ----------
    signal, returns : array of float64, shape (moments, coins)
        NaN where unknown.

    Returns
    -------
    ic : array of float64, shape (moments,)
        NaN where fewer than `LEAST_COINS` coins have both, or do not differ.
    weights : array of float64, shape (moments, coins)
        Centred ranks of the signal, half of 1 long and half short; 0 without `ic`.
    """
    known = ~(np.isnan(signal) | np.isnan(returns))
    known &= known.sum(axis=1, keepdims=True) >= LEAST_COINS
    ranks = centred_ranks(signal, known)
    others = centred_ranks(returns, known)
    scale = np.sqrt((ranks**2).sum(axis=1) * (others**2).sum(axis=1))
    with np.errstate(invalid="ignore", divide="ignore"):
        ic = np.where(scale > 0, (ranks * others).sum(axis=1) / scale, np.nan)
        gross = np.abs(ranks).sum(axis=1, keepdims=True)
        weights = np.where(np.isnan(ic)[:, None], 0.0, ranks / gross)
    return ic, weights


def traded(weights: Floats, held: int) -> Floats:
    """Return the amount traded at each moment, as a share of gross size.

    Parameters
    ----------
    weights : array of float64, shape (moments, coins)
        At every moment of an even grid.
    held : int
        Steps after which the portfolio is replaced by the then current one; 0 if it is
        closed before the next one.

    Returns
    -------
    array of float64, shape (moments,)
        NaN where there was no portfolio `held` steps before.
    """
    there = np.abs(weights).sum(axis=1) > 0
    if held == 0:
        return np.where(there, 2.0, np.nan)
    found = np.full(there.size, np.nan)
    if held < there.size:
        amounts = np.abs(weights[held:] - weights[:-held]).sum(axis=1)
        found[held:] = np.where(there[held:] & there[:-held], amounts, np.nan)
    return found


def score(
    signal: Floats, log_returns: Floats, horizon: int, step: int, cost_bps: float
) -> Score:
    """Score a signal at one horizon.

    Returns over horizons longer than the step overlap. So intervals are those of a
    circular block bootstrap of whole moments (Politis, Romano 1992) in blocks of three
    times the horizon, or n^(1/3) moments where that is longer: the estimate ± Student's
    quantile, with as many degrees of freedom as there are blocks less one, times the
    bootstrap's standard error, times √(blocks / (blocks − 1)), which it lacks. All
    coins of a moment stay together.

    Parameters
    ----------
    signal, log_returns : array of float64, shape (moments, coins)
        On the same even grid; NaN where unknown.
    horizon, step : int
        Hours of the return, and from a moment to the next.
    cost_bps : float
        Cost of trading, basis points of the amount.
    """
    held = horizon // step
    ic, weights = rank_correlations(signal, log_returns)
    returns = np.nansum(weights * np.expm1(log_returns), axis=1)
    turnover = traded(weights, held)
    net = np.where(np.isnan(ic), np.nan, returns - cost_bps / 1e4 * turnover)
    product = signal * log_returns
    judged = ~np.isnan(product) & (product != 0)
    hits = (judged & (product > 0)).sum(axis=1).astype(np.float64)
    counts = judged.sum(axis=1).astype(np.float64)
    observations = int((~np.isnan(product)).sum())
    moments = int((~np.isnan(ic)).sum())

    rises = float((judged & (log_returns > 0)).sum() / max(counts.sum(), 1))
    sums = np.column_stack([np.nan_to_num(ic), hits, np.nan_to_num(net)])
    weighed = np.column_stack([~np.isnan(ic), counts, ~np.isnan(net)]).astype(float)
    rows = (weighed > 0).any(axis=1)
    estimates, is_enough = intervals(sums[rows], weighed[rows], 3 * held)
    return Score(
        observations,
        moments,
        estimates[0],
        estimates[1],
        max(rises, 1 - rises) if counts.any() else None,
        estimates[2],
        float(np.nanmean(turnover)) if not np.isnan(turnover).all() else None,
        _note(observations, moments, is_enough),
    )


def _note(observations: int, moments: int, is_enough: bool) -> str | None:
    if observations == 0:
        return "no coin has both this signal and a return"
    if moments == 0:
        return (
            f"at no time do {LEAST_COINS} coins have both this signal and a return: "
            "no correlation across coins"
        )
    if not is_enough:
        return (
            f"no interval: it needs {LEAST_MOMENTS} moments and {LEAST_BLOCKS} blocks "
            "of three times the horizon"
        )
    return None


def intervals(
    sums: Floats, counts: Floats, block: int, repetitions: int = 1000
) -> tuple[list[Estimate], bool]:
    """Estimate Σ sums / Σ counts of each column, with an interval: see `score`.

    Parameters
    ----------
    sums, counts : array of float64, shape (moments, k)
        In order of time.
    block : int
        Moments of a block, at least.
    repetitions : int
        Of the bootstrap.

    Returns
    -------
    estimates : list of Estimate
        k of them; without a value where a column counts nothing.
    is_enough : bool
        Whether the first has moments enough for an interval.
    """
    size, width = sums.shape
    totals = counts.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = sums.sum(axis=0) / totals
    length = max(block, math.ceil(size ** (1 / 3)), 1)
    known = (counts > 0).sum(axis=0)
    is_enough = (known >= LEAST_MOMENTS) & (known >= LEAST_BLOCKS * length)
    if not is_enough.any():
        return [Estimate(_number(each)) for each in values], False
    bootstrap = CircularBlockBootstrap(
        length, np.column_stack([sums, counts]), seed=_SEED
    )

    def ratios(rows: Floats) -> Floats:
        added = rows.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(added[:width] / added[width:])

    drawn = np.array([ratios(data[0]) for data, _ in bootstrap.bootstrap(repetitions)])
    freedom = np.maximum(known / length - 1, 1)
    error = drawn.std(axis=0, ddof=1) * np.sqrt(1 + 1 / freedom)
    margin = stats.t.ppf(0.975, freedom) * error
    margin[~is_enough] = np.nan
    return [
        Estimate(_number(value), _number(value - each), _number(value + each))
        for value, each in zip(values, margin, strict=True)
    ], bool(is_enough[0])


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
