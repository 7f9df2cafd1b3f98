"""Choose the earlier windows of a forecast: the most similar, or some of the same hour.

All functions take windows of one venue in order of time. They use only windows that had
ended when the query window began.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from python_jobs.lib.scorecards.forecast_skill import LEAST_MEMBERS, Floats, Ints

HOUR = 3600
_HOURS_OF_WEEK = 168
_HOURS_OF_DAY = 24
#: Most similarities in memory at a time: 64 MB in single precision.
_BLOCK_VALUES = 1 << 24


def spaced(starts: Ints, spacing: int) -> Ints:
    """Pick the first window, then each time the first one `spacing` seconds later.

    Later windows do not change which windows are picked.

    Returns
    -------
    array of int64
        Indices, in order.
    """
    picked = []
    at = 0
    while at < starts.size:
        picked.append(at)
        at = int(np.searchsorted(starts, starts[at] + spacing))
    return np.array(picked, np.int64)


def nearest(
    sought: npt.NDArray[np.floating[Any]],
    vectors: npt.NDArray[np.floating[Any]],
    starts: Ints,
    queries: Ints,
    step: int,
    width: int,
    k: int,
) -> Ints:
    """Find the k earlier windows of the largest inner product, apart from each other.

    This is the rule of the SQL function `similar_windows`: candidates are taken in
    order of similarity, then of time, unless they overlap with one taken before.

    Parameters
    ----------
    sought : array of float, shape (q, d)
        Vectors of the query windows.
    vectors : array of float, shape (n, d)
        Vectors of all windows.
    starts : array of int64, shape (n,)
        Seconds, ascending.
    queries : array of int64, shape (q,)
        Indices of the query windows, ascending.
    step, width : int
        Seconds between the starts of two windows; seconds in a window.
    k : int

    Returns
    -------
    array of int64, shape (q, k)
        Indices, the most similar first; -1 where there are fewer than k.
    """
    found = np.full((queries.size, k), -1, np.int64)
    ended = _ended_before(starts, queries, width)
    # Among so many candidates there are always k that do not overlap.
    wanted = (2 * -(-width // step) - 1) * (k - 1) + 1
    size = max(1, _BLOCK_VALUES // max(1, starts.size))
    for begin in range(0, queries.size, size):
        counts = ended[begin : begin + size]
        block = sought[begin : begin + size]
        likeness = block @ vectors[: int(counts.max(initial=0))].T
        for row, count in enumerate(counts):
            best = np.arange(count)
            if count > wanted:
                best = np.argpartition(-likeness[row, :count], wanted - 1)[:wanted]
            # Compute the products again in double precision: the rounding of a matrix
            # product depends on its size, so later windows would change the order of
            # equal ones.
            exact = (vectors[best].astype(np.float64) * block[row]).sum(axis=1)
            best = best[np.lexsort((best, -exact))]
            found[begin + row] = _apart(best, starts, width, k)
    return found


def _ended_before(starts: Ints, queries: Ints, width: int) -> Ints:
    """Count the windows that had ended when each query began, shape (q,)."""
    return np.searchsorted(starts, starts[queries] - width, side="right")


def _apart(candidates: Ints, starts: Ints, width: int, k: int) -> Ints:
    chosen = np.full(k, -1, np.int64)
    taken: list[int] = []
    for candidate, start in zip(
        candidates.tolist(), starts[candidates].tolist(), strict=True
    ):
        if all(abs(start - other) >= width for other in taken):
            chosen[len(taken)] = candidate
            taken.append(start)
            if len(taken) == k:
                break
    return chosen


def nearest_paths(
    paths: Floats, starts: Ints, queries: Ints, step: int, width: int, k: int
) -> Ints:
    """Find the k earlier windows of the smallest Euclidean distance, as `nearest` does.

    ``|a − b|² = |a|² − 2 (a·b − |b|²/2)``: the smallest distance is the largest inner
    product of (a, 1) and (b, −|b|²/2).

    Parameters
    ----------
    paths : array of float64, shape (n, s)
    """
    sought = np.column_stack([paths[queries], np.ones(queries.size)])
    vectors = np.column_stack([paths, -(paths**2).sum(axis=1) / 2])
    return nearest(sought, vectors, starts, queries, step, width, k)


def same_hours(
    starts: Ints, classes: Ints, queries: Ints, width: int, seed: int = 7
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Draw random earlier windows of the query's hour and volatility class.

    One window is drawn from each earlier hour, so that outcomes are far apart. The hour
    is that of the week (UTC) if five earlier ones have a window of the class, else that
    of the day.

    Parameters
    ----------
    starts, classes : array of int64, shape (n,)
        Beginning in seconds since the epoch, and class.
    queries : array of int64, shape (q,)
        Indices.
    width : int
        Seconds of a window.
    seed : int
        Seeds the random numbers, together with the query's start.

    Returns
    -------
    members : array of int64, shape (q, m)
        Indices; -1 where there are fewer.
    by_week : array of bool, shape (q,)
    """
    hours = starts // HOUR
    groups = np.unique(
        np.column_stack([classes, hours % _HOURS_OF_DAY]), axis=0, return_inverse=True
    )[1].ravel()
    alike = [
        np.flatnonzero(groups == each) for each in range(groups.max(initial=-1) + 1)
    ]
    by_week = np.zeros(queries.size, np.bool_)
    drawn = []
    ended = _ended_before(starts, queries, width)
    for row, (query, count) in enumerate(zip(queries, ended, strict=True)):
        random = np.random.default_rng([seed, int(starts[query])])
        group = alike[groups[query]]
        earlier = random.permutation(group[: np.searchsorted(group, count)])
        _, first = np.unique(hours[earlier], return_index=True)
        chosen = earlier[first]
        weekly = chosen[(hours[query] - hours[chosen]) % _HOURS_OF_WEEK == 0]
        by_week[row] = weekly.size >= LEAST_MEMBERS
        drawn.append(weekly if by_week[row] else chosen)
    most = max((each.size for each in drawn), default=0)
    members = np.full((queries.size, most), -1, np.int64)
    for row, each in enumerate(drawn):
        members[row, : each.size] = each
    return members, by_week
