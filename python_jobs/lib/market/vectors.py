"""Combine scaled features and shapes to vectors of unit length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from python_jobs.lib.market.features import FEATURES, window_features, window_shapes
from python_jobs.lib.market.grid import (
    BLOCK_WINDOWS,
    SECONDS_PER_DAY,
    Floats,
    Ints,
    SecondGrid,
)
from python_jobs.lib.market.options import CLIP, EmbeddingOptions

#: Least trades of a window; with fewer there is no return.
FEWEST_TRADES = 2

#: IQR of the normal distribution in standard deviations.
NORMAL_IQR = 1.3489795003921634


@dataclass(frozen=True)
class Scales:
    """Median and spread that normalise features, each of shape (len(FEATURES),).

    Attributes
    ----------
    median, iqr : array of float64
        Of the windows of the training range.
    scale : array of float64
        The divisor that stands for one standard deviation, positive.
    """

    median: Floats
    iqr: Floats
    scale: Floats

    @classmethod
    def fit(cls, features: Floats) -> Scales:
        """Fit to the features of training windows, shape (k, len(FEATURES)), k > 0.

        The scale is IQR / 1.349, which for a normal distribution is its standard
        deviation; where more than half of the windows are equal it is the standard
        deviation itself, and 1 where all of them are.
        """
        low, median, high = np.percentile(features, [25, 50, 75], axis=0)
        iqr = high - low
        deviation = features.std(axis=0)
        fallback = np.where(deviation > 0, deviation, 1.0)
        return cls(median, iqr, np.where(iqr > 0, iqr / NORMAL_IQR, fallback))


@dataclass(frozen=True)
class Embedded:
    """The windows of a day that could be embedded.

    Attributes
    ----------
    offsets : array of int64, shape (k,)
        Their first seconds, counted from the grid's start.
    vectors : array of float32, shape (k, dimensions)
        Of unit length.
    empty, flat : int
        Windows left out: with fewer than two trades; without any direction.
    """

    offsets: Ints
    vectors: npt.NDArray[np.float32]
    empty: int
    flat: int


def day_offsets(step: int) -> Ints:
    """First seconds of the windows of a day, counted from midnight UTC."""
    return np.arange(0, SECONDS_PER_DAY, step)


def training_features(
    grid: SecondGrid, offsets: Ints, options: EmbeddingOptions
) -> Floats:
    """Compute the features of the windows at ``offsets`` that have enough trades."""
    kept = offsets[grid.count_trades(offsets, options.window) >= FEWEST_TRADES]
    blocks = [
        window_features(grid.windows(block, options.window)) for block in _blocks(kept)
    ]
    return np.concatenate([np.empty((0, len(FEATURES))), *blocks])


def embed(
    grid: SecondGrid, offsets: Ints, options: EmbeddingOptions, scales: Scales
) -> Embedded:
    """Embed the windows that begin at ``offsets``.

    Parameters
    ----------
    grid : SecondGrid
        Reaches to the end of the last window at least.
    offsets : array of int64, shape (n,)
        First seconds of windows, counted from the grid's start.
    options : EmbeddingOptions
        Length of windows and vectors.
    scales : Scales
        The venue's.

    Raises
    ------
    ValueError
        A vector is not finite: a candle has a value that is not a number.
    """
    kept = offsets[grid.count_trades(offsets, options.window) >= FEWEST_TRADES]
    vectors = [np.empty((0, options.dimensions))]
    for block in _blocks(kept):
        windows = grid.windows(block, options.window)
        scaled = (window_features(windows) - scales.median) / scales.scale
        price, flow = window_shapes(windows, options.segments)
        parts = (np.clip(scaled, -CLIP, CLIP), price, flow)
        # Each part has the same weight, for any number of dimensions.
        vectors.append(np.hstack([part / np.sqrt(part.shape[1]) for part in parts]))
    joined = np.concatenate(vectors)
    length = np.sqrt((joined**2).sum(axis=1))
    if not np.isfinite(length).all():
        second = grid.start + int(kept[~np.isfinite(length)][0])
        raise ValueError(
            f"the window that begins {second} seconds after 1970 has a feature that is "
            "no finite number: look at its rows in market_data.btc_ohlcv_1s"
        )
    has_direction = length > 0
    unit = joined[has_direction] / length[has_direction, None]
    return Embedded(
        offsets=kept[has_direction],
        vectors=unit.astype(np.float32),
        empty=offsets.size - kept.size,
        flat=int((~has_direction).sum()),
    )


def _blocks(offsets: Ints) -> list[Ints]:
    cuts = range(BLOCK_WINDOWS, offsets.size, BLOCK_WINDOWS)
    return np.split(offsets, list(cuts)) if offsets.size else []
