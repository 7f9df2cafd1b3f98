"""Made-up one-second candles, and features computed the slow way, window by window."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa

from python_jobs.lib.btc_features import FEATURES
from python_jobs.lib.btc_options import EmbeddingOptions, TrainingRange

DAY = 86_400
MIDNIGHT = 1_735_776_000  # 2025-01-02 00:00 UTC

OPTIONS = EmbeddingOptions(
    window=300,
    step=60,
    dimensions=64,
    horizons={"1 minute": 60, "5 minutes": 300, "1 hour": 3600},
    training=TrainingRange("first_7_days", None, None, 7),
    large_trade=1.0,
)


def random_candles(
    seconds: int, seed: int = 1, start: int = MIDNIGHT, activity: float = 0.4
) -> pa.Table:
    """Make candles of a random walk; `activity` is the share of seconds with one."""
    random = np.random.default_rng(seed)
    second = start + np.flatnonzero(random.random(seconds) < activity)
    n = second.size
    close = 60_000 * np.exp(np.cumsum(random.standard_t(3, n) * 5e-5))
    open_ = close * np.exp(random.normal(0, 2e-5, n))
    count = 1 + random.poisson(1.5, n)
    volume = count * random.lognormal(-3, 1, n)
    buy = volume * random.random(n)
    return pa.table(
        {
            "second": second,
            "open": open_,
            "high": np.maximum(open_, close) * np.exp(random.exponential(1e-5, n)),
            "low": np.minimum(open_, close) * np.exp(-random.exponential(1e-5, n)),
            "close": close,
            "volume": volume,
            "notional": volume * (open_ + close) / 2,
            "trade_count": count.astype(np.float64),
            "buy_volume": buy,
            # Of some trades nobody knows the side.
            "sell_volume": (volume - buy) * (random.random(n) < 0.9),
            "large_volume": volume * (random.random(n) < 0.05),
            "squared_volume": volume**2 / count,
        }
    )


def slow_features(candles: pd.DataFrame, begin: int, length: int) -> list[float]:
    """Compute the features of one window as `docs/embeddings.md` says, in pandas."""
    inside = candles[
        (candles["second"] >= begin) & (candles["second"] < begin + length)
    ]
    first, last = inside.iloc[0], inside.iloc[-1]
    frame = inside.set_index("second").reindex(range(begin, begin + length))
    log_close = np.log(frame["close"].ffill().fillna(first["open"]))
    returns = log_close.diff()
    returns.iloc[0] = log_close.iloc[0] - math.log(first["open"])
    sums = frame.drop(columns=["open", "high", "low", "close"]).fillna(0.0)
    flow = sums["buy_volume"] - sums["sell_volume"]
    volume, count = sums["volume"].sum(), sums["trade_count"].sum()
    sided = sums["buy_volume"].sum() + sums["sell_volume"].sum()
    spread = ((flow - flow.mean()) ** 2).sum()
    deviation = returns - returns.mean()
    values = {
        "log_return": math.log(last["close"] / first["open"]),
        "semideviation_up": math.sqrt((returns[returns > 0] ** 2).sum()),
        "semideviation_down": math.sqrt((returns[returns < 0] ** 2).sum()),
        "parkinson_volatility": math.log(inside["high"].max() / inside["low"].min())
        / math.sqrt(4 * math.log(2)),
        "signed_flow": math.asinh(flow.sum()),
        "flow_imbalance": flow.sum() / sided if sided > 0 else 0.0,
        "trade_count": math.log(count),
        "mean_size": math.log(volume / count),
        "large_share": sums["large_volume"].sum() / volume,
        "price_impact": (
            (returns * (flow - flow.mean())).sum() / spread if spread > 1e-20 else 0.0
        ),
        "vwap_deviation": math.log(last["close"] / (sums["notional"].sum() / volume)),
        "autocorrelation": (
            (deviation * deviation.shift(1)).sum() / (deviation**2).sum()
            if (deviation**2).sum() > 1e-20
            else 0.0
        ),
        "time_concentration": ((sums["volume"] / volume) ** 2).sum(),
        "size_concentration": sums["squared_volume"].sum() / volume**2,
    }
    return [float(values[name]) for name in FEATURES]


def slow_shapes(
    candles: pd.DataFrame, begin: int, length: int, segments: tuple[int, int]
) -> tuple[list[float], list[float]]:
    """Compute the shapes of one window in pandas."""
    inside = candles[
        (candles["second"] >= begin) & (candles["second"] < begin + length)
    ]
    frame = inside.set_index("second").reindex(range(begin, begin + length))
    price = np.log(frame["close"].ffill().fillna(inside.iloc[0]["open"]))
    flow = (frame["buy_volume"] - frame["sell_volume"]).fillna(0.0).cumsum()
    shapes = []
    for path, count in zip((price, flow), segments, strict=True):
        spread = path.std(ddof=0)
        path = (path - path.mean()) / spread if spread > 1e-12 else path * 0
        number = pd.Series(
            [
                max(j for j in range(count) if j * length // count <= i)
                for i in range(length)
            ]
        )
        shapes.append(path.groupby(number.to_numpy()).mean().tolist())
    return shapes[0], shapes[1]
