"""Compute the features of windows of trades: formulas in `docs/embeddings.md`.

Every function takes windows cut from a grid of seconds and returns one row for each,
computed from the seconds of that window alone.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from python_jobs.lib.market.grid import Floats, Windows

FEATURES = (
    "log_return",
    "semideviation_up",
    "semideviation_down",
    "parkinson_volatility",
    "signed_flow",
    "flow_imbalance",
    "trade_count",
    "mean_size",
    "large_share",
    "price_impact",
    "vwap_deviation",
    "autocorrelation",
    "time_concentration",
    "size_concentration",
)
"""The features that are scaled, in the order of the vector."""

#: A smaller share of squared deviations in the sum of squares is only rounding error.
ROUNDING = 1e-12

#: Replaces a volume of 0 in logarithms: the smallest BTC amount.
SMALLEST_VOLUME = 1e-12


def window_features(windows: Windows) -> Floats:
    """Compute `FEATURES`.

    Parameters
    ----------
    windows : Windows
        k windows, a trade in each.

    Returns
    -------
    array of float64, shape (k, len(FEATURES))
        Finite. Prices enter as natural logarithms, volumes in BTC.
    """
    total = {name: values.sum(axis=1) for name, values in windows.sums.items()}
    volume = np.maximum(total["volume"], SMALLEST_VOLUME)
    path = windows.log_prices
    returns = np.diff(path, axis=1)
    squares = returns**2
    flow = windows.sums["buy_volume"] - windows.sums["sell_volume"]
    signed = total["buy_volume"] - total["sell_volume"]
    sided = total["buy_volume"] + total["sell_volume"]
    highest = np.fmax.reduce(windows.prices["high"], axis=1)
    log_range = highest - np.fmin.reduce(windows.prices["low"], axis=1)
    vwap = np.where(
        total["volume"] > 0, total["notional"] / volume, np.exp(path[:, -1])
    )
    columns = {
        "log_return": path[:, -1] - path[:, 0],
        "semideviation_up": np.sqrt(np.where(returns > 0, squares, 0.0).sum(axis=1)),
        "semideviation_down": np.sqrt(np.where(returns < 0, squares, 0.0).sum(axis=1)),
        "parkinson_volatility": log_range / np.sqrt(4 * np.log(2)),
        "signed_flow": np.arcsinh(signed),
        "flow_imbalance": signed / np.maximum(sided, SMALLEST_VOLUME),
        "trade_count": np.log(total["trade_count"]),
        "mean_size": np.log(volume / total["trade_count"]),
        "large_share": total["large_volume"] / volume,
        "price_impact": _slope(returns, flow),
        "vwap_deviation": path[:, -1] - np.log(vwap),
        "autocorrelation": _autocorrelation(returns),
        "time_concentration": (windows.sums["volume"] ** 2).sum(axis=1) / volume**2,
        "size_concentration": total["squared_volume"] / volume**2,
    }
    return np.column_stack([columns[name] for name in FEATURES])


def window_shapes(windows: Windows, segments: tuple[int, int]) -> tuple[Floats, Floats]:
    """Describe the paths of log price and of cumulative signed flow.

    Each path is brought to mean zero and variance one over the window's seconds, then
    averaged over segments of about equal length (piecewise aggregate approximation,
    Keogh et al. 2001). A path without any variation is all zeros.

    Parameters
    ----------
    windows : Windows
        k windows, a trade in each.
    segments : tuple of int
        Segments of the price path and of the flow path.

    Returns
    -------
    tuple of array of float64, shapes (k, segments[0]) and (k, segments[1])
    """
    flow = windows.sums["buy_volume"] - windows.sums["sell_volume"]
    # Relative to the first trade's price, so that the price level costs no precision.
    price = windows.log_prices
    price = price[:, 1:] - price[:, :1]
    return (
        _aggregate(_standardise(price), segments[0]),
        _aggregate(_standardise(np.cumsum(flow, axis=1)), segments[1]),
    )


def _slope(returns: Floats, flow: Floats) -> Floats:
    """Least-squares slope of returns on signed flow, row by row; 0 where undefined."""
    flow_deviation = flow - flow.mean(axis=1, keepdims=True)
    spread = (flow_deviation**2).sum(axis=1)
    together = (returns * flow_deviation).sum(axis=1)
    is_defined = spread > ROUNDING * (flow**2).sum(axis=1)
    return _divide(together, spread, is_defined)


def _autocorrelation(returns: Floats) -> Floats:
    """Sample autocorrelation at lag one, row by row; 0 where undefined."""
    deviation = returns - returns.mean(axis=1, keepdims=True)
    spread = (deviation**2).sum(axis=1)
    lagged = (deviation[:, 1:] * deviation[:, :-1]).sum(axis=1)
    is_defined = spread > ROUNDING * (returns**2).sum(axis=1)
    return _divide(lagged, spread, is_defined)


def _standardise(path: Floats) -> Floats:
    deviation = path - path.mean(axis=1, keepdims=True)
    variance = (deviation**2).mean(axis=1, keepdims=True)
    is_defined = variance > ROUNDING * (path**2).mean(axis=1, keepdims=True)
    return _divide(deviation, np.sqrt(variance), is_defined)


def _aggregate(path: Floats, segments: int) -> Floats:
    edges = np.arange(segments + 1) * path.shape[1] // segments
    means: Floats = np.add.reduceat(path, edges[:-1], axis=1) / np.diff(edges)
    return means


def _divide(above: Floats, below: Floats, where: npt.NDArray[np.bool_]) -> Floats:
    """Divide; 0 where the condition is false."""
    quotient = np.zeros_like(above)
    np.divide(above, below, out=quotient, where=where)
    return quotient
