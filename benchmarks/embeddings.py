"""The embedding of a day's windows against the same features in pandas, one by one."""

from __future__ import annotations

import time

import numpy as np
import pyarrow as pa

from benchmarks.bench import Bench
from benchmarks.btc_market import OPTIONS, START, day_of_candles
from benchmarks.scoreboard import Figure, figure
from benchmarks.window_by_window import pandas_features, pandas_shapes, window_frame
from python_jobs.lib.market.features import window_features, window_shapes
from python_jobs.lib.market.grid import SECONDS_PER_DAY, SecondGrid
from python_jobs.lib.market.labels import label_snapshots
from python_jobs.lib.market.vectors import Scales, day_offsets, embed, training_features

#: pandas is slow: a part of the windows suffices to measure it.
PANDAS_WINDOWS = 200

#: Seconds of the next day that the last windows and their labels reach into.
REACH = OPTIONS.longest


def measure(bench: Bench) -> list[Figure]:
    """Embed a day of windows from candles that are in memory, labels included.

    pandas computes the first of its windows, without labels and scaling.

    Raises
    ------
    RuntimeError
        The two disagree on the features.
    """
    candles = day_of_candles(0, SECONDS_PER_DAY + REACH)
    offsets = day_offsets(OPTIONS.step)
    grid = SecondGrid.from_candles(candles, START, SECONDS_PER_DAY + REACH)
    scales = Scales.fit(training_features(grid, offsets, OPTIONS))
    seconds = bench.median_seconds(lambda: _embed_day(candles, scales))

    frame = candles.to_pandas()
    start = time.perf_counter()
    slow = []
    for offset in offsets[:PANDAS_WINDOWS]:
        window = window_frame(frame, START + int(offset), OPTIONS.window)
        shapes = pandas_shapes(window, OPTIONS.segments)
        slow.append([*pandas_features(window), *shapes[0], *shapes[1]])
    pandas_s = time.perf_counter() - start

    windows = grid.windows(offsets[:PANDAS_WINDOWS], OPTIONS.window)
    price, flow = window_shapes(windows, OPTIONS.segments)
    fast = np.hstack([window_features(windows), price, flow])
    if not np.allclose(fast, slow, rtol=1e-6, atol=1e-8):
        raise RuntimeError("the embedding and pandas disagree on the features")
    return [
        figure(
            "embed_vs_pandas",
            offsets.size / seconds,
            "windows/s",
            "pandas, a window at a time",
            PANDAS_WINDOWS / pandas_s,
        )
    ]


def _embed_day(candles: pa.Table, scales: Scales) -> None:
    grid = SecondGrid.from_candles(candles, START, SECONDS_PER_DAY + REACH)
    found = embed(grid, day_offsets(OPTIONS.step), OPTIONS, scales)
    known_until = START + SECONDS_PER_DAY + REACH
    label_snapshots(grid, found.offsets + OPTIONS.window, OPTIONS.horizons, known_until)
