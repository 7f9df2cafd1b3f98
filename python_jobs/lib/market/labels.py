"""Labels of a window: return and volatility after its end, once known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.market.grid import Floats, Ints, SecondGrid


def forward_labels(
    grid: SecondGrid, ends: Ints, horizon: int, known_until: int
) -> tuple[Floats, Floats]:
    """Log return and realised volatility of the ``horizon`` seconds after a window.

    The return goes from the last price in the window to the last one in
    ``[end, end + horizon)``; the volatility is the root of the sum of squared returns
    from trade to trade, second by second, over the same time.

    Parameters
    ----------
    grid : SecondGrid
        Reaches to the last end plus horizon at least.
    ends : array of int64, shape (k,)
        Ends of windows, in seconds from the grid's start; each window has a trade.
    horizon : int
        Seconds.
    known_until : int
        Second since the epoch before which candles are complete.

    Returns
    -------
    tuple of array of float64, shape (k,)
        NaN if the horizon has not ended yet, or nothing traded in it.
    """
    close = grid.prices["close"]
    last = grid.last_active()
    until = ends + horizon
    is_known = (grid.start + until <= known_until) & (last[until] >= ends)
    log_return = np.where(is_known, close[last[until]] - close[last[ends]], np.nan)
    before = close[last[:-1]]
    squares = np.where(grid.is_active & (last[:-1] >= 0), (close - before) ** 2, 0.0)
    # Add up each slice: a difference of running sums would have rounding error.
    edges = np.column_stack([ends, until]).ravel()
    total = np.add.reduceat(np.append(squares, 0.0), edges)[::2]
    return log_return, np.where(is_known, np.sqrt(total), np.nan)


def label_snapshots(
    grid: SecondGrid, ends: Ints, horizons: Mapping[str, int], known_until: int
) -> pa.Array:
    """Write the labels of windows as JSON objects, a key for each horizon.

    ``{"1 minute": {"log_return": 0.0002, "volatility": 0.0004}, "1 hour": null}``.

    Returns
    -------
    pyarrow.StringArray
        k texts.
    """
    parts: list[pa.Array] = []
    for name, horizon in horizons.items():
        log_return, volatility = forward_labels(grid, ends, horizon, known_until)
        value = pc.binary_join_element_wise(
            '{"log_return": ', _text(log_return), ', "volatility": ', _text(volatility),
            "}", "",
        )  # fmt: skip
        key = f'"{name}": '
        parts.append(pc.binary_join_element_wise(key, pc.fill_null(value, "null"), ""))
    inner = pc.binary_join_element_wise(*parts, ", ")
    return pc.binary_join_element_wise("{", inner, "}", "")


def _text(values: npt.NDArray[np.float64]) -> pa.Array:
    return pc.cast(pa.array(values, pa.float64(), from_pandas=True), pa.string())
