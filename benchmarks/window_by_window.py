"""The features of a window as a notebook computes them: one window after the other."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from python_jobs.lib.market.features import FEATURES


def window_frame(candles: pd.DataFrame, begin: int, length: int) -> pd.DataFrame:
    """Cut a window from candles in order of ``second``, a row for each of its seconds.

    Prices are NaN and sums are zero in seconds without a trade.
    """
    first, end = candles["second"].searchsorted([begin, begin + length])
    inside = candles.iloc[first:end].set_index("second")
    frame = inside.reindex(range(begin, begin + length))
    sums = [name for name in frame if name not in ("open", "high", "low", "close")]
    frame[sums] = frame[sums].fillna(0.0)
    return frame


def pandas_features(frame: pd.DataFrame) -> list[float]:
    """Compute the features of one window as `docs/embeddings.md` defines them."""
    first = frame["open"].dropna().iloc[0]
    last = frame["close"].dropna().iloc[-1]
    log_close = np.log(frame["close"].ffill().fillna(first))
    returns = log_close.diff()
    returns.iloc[0] = log_close.iloc[0] - math.log(first)
    flow = frame["buy_volume"] - frame["sell_volume"]
    volume, count = frame["volume"].sum(), frame["trade_count"].sum()
    sided = frame["buy_volume"].sum() + frame["sell_volume"].sum()
    spread = ((flow - flow.mean()) ** 2).sum()
    deviation = returns - returns.mean()
    wobble = (deviation**2).sum()
    together = (returns * (flow - flow.mean())).sum()
    lagged = (deviation * deviation.shift(1)).sum()
    values = {
        "log_return": math.log(last / first),
        "semideviation_up": math.sqrt((returns[returns > 0] ** 2).sum()),
        "semideviation_down": math.sqrt((returns[returns < 0] ** 2).sum()),
        "parkinson_volatility": math.log(frame["high"].max() / frame["low"].min())
        / math.sqrt(4 * math.log(2)),
        "signed_flow": math.asinh(flow.sum()),
        "flow_imbalance": flow.sum() / sided if sided > 0 else 0.0,
        "trade_count": math.log(count),
        "mean_size": math.log(volume / count),
        "large_share": frame["large_volume"].sum() / volume,
        "price_impact": together / spread if spread > 1e-20 else 0.0,
        "vwap_deviation": math.log(last / (frame["notional"].sum() / volume)),
        "autocorrelation": lagged / wobble if wobble > 1e-20 else 0.0,
        "time_concentration": ((frame["volume"] / volume) ** 2).sum(),
        "size_concentration": frame["squared_volume"].sum() / volume**2,
    }
    return [float(values[name]) for name in FEATURES]


def pandas_shapes(
    frame: pd.DataFrame, segments: tuple[int, int]
) -> tuple[list[float], list[float]]:
    """Compute the two shapes of one window."""
    first = frame["open"].dropna().iloc[0]
    price = np.log(frame["close"].ffill().fillna(first))
    flow = (frame["buy_volume"] - frame["sell_volume"]).cumsum()
    shapes = []
    for path, count in zip((price, flow), segments, strict=True):
        spread = path.std(ddof=0)
        path = (path - path.mean()) / spread if spread > 1e-12 else path * 0
        edges = [number * len(path) // count for number in range(count + 1)]
        number = np.repeat(np.arange(count), np.diff(edges))
        shapes.append(path.groupby(number).mean().tolist())
    return shapes[0], shapes[1]
