"""Made-up one-second candles."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from python_jobs.lib.market.options import EmbeddingOptions, TrainingRange

DAY = 86_400
HOUR = 3600
MIDNIGHT = 1_735_776_000  # 2025-01-02 00:00 UTC
EVENING = MIDNIGHT - 2 * HOUR

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


def between(candles: pa.Table, begin: int, end: int) -> pa.Table:
    """Keep the candles of the seconds from `begin` to before `end`."""
    second = candles["second"]
    inside = pc.and_(pc.greater_equal(second, begin), pc.less(second, end))
    return candles.filter(inside)
