"""A made-up bitcoin market as one-second candles, day by day, quick to make."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from python_jobs.lib.market.grid import SECONDS_PER_DAY, Floats
from python_jobs.lib.market.options import EmbeddingOptions, TrainingRange

#: 2025-01-01 00:00 UTC, seconds since the epoch.
START = 1_735_689_600

#: As dbt_project.yml has them.
OPTIONS = EmbeddingOptions(
    window=300,
    step=60,
    dimensions=64,
    horizons={"1 minute": 60, "5 minutes": 300, "15 minutes": 900, "1 hour": 3600},
    training=TrainingRange("first_7_days", None, None, 7),
    large_trade=1.0,
)


def day_of_candles(day: int, seconds: int = SECONDS_PER_DAY) -> pa.Table:
    """Make the candles of a day, the same for the same number.

    Activity, volatility and the effect of flow on price drift over minutes and hours,
    so windows differ as in a real market; there are jumps and bursts.

    Parameters
    ----------
    day : int
        Its number from `START` on.
    seconds : int
        Seconds from midnight on; may be more than a day has.
    """
    random = np.random.default_rng([20_250_101, day])
    mood = np.exp(_drift(random, seconds, 1800, 0.7))
    activity = np.clip(
        0.35 * mood * np.exp(_drift(random, seconds, 120, 0.5)), 0.02, 0.98
    )
    second = np.flatnonzero(random.random(seconds) < activity)
    n = second.size
    count = 1 + random.poisson(2 * mood[second])
    volume = count * random.lognormal(-3.5, 1.2, n)
    lean = np.tanh(_drift(random, seconds, 300, 0.8)[second])
    buy_share = np.clip(0.5 + 0.35 * lean + random.normal(0, 0.25, n), 0, 1)
    buy = volume * buy_share
    flow = 2 * buy - volume
    shock = random.standard_t(4, n) * 3e-5 * mood[second]
    jumps = random.normal(0, 1e-3, n) * (random.random(n) < 2e-4)
    close = 60_000 * np.exp(np.cumsum(shock + jumps + 2e-5 * flow))
    opened = close * np.exp(-shock / 2)
    return pa.table(
        {
            "second": START + day * SECONDS_PER_DAY + second,
            "open": opened,
            "high": np.maximum(opened, close) * np.exp(random.exponential(1e-5, n)),
            "low": np.minimum(opened, close) * np.exp(-random.exponential(1e-5, n)),
            "close": close,
            "volume": volume,
            "notional": volume * (opened + close) / 2,
            "trade_count": count.astype(np.float64),
            "buy_volume": buy,
            "sell_volume": volume - buy,
            "large_volume": np.where(volume > 1, volume, 0.0),
            "squared_volume": volume**2 / count,
        }
    )


def _drift(
    random: np.random.Generator, seconds: int, span: int, spread: float
) -> Floats:
    """Make a smooth random path that is correlated over about ``span`` seconds."""
    knots = random.normal(0, spread, seconds // span + 3)
    path: Floats = np.interp(np.arange(seconds) / span, np.arange(knots.size), knots)
    return path
