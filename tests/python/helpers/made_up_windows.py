"""Windows of a market whose outcomes are known, for the scorecard of the search."""

from __future__ import annotations

import numpy as np
from btc_candles import HOUR, MIDNIGHT

from python_jobs.lib.market.grid import SECONDS_PER_DAY
from python_jobs.lib.scorecards.search_scores import History, Settings
from python_jobs.lib.scorecards.search_windows import PATH_POINTS

WIDTH, STEP = 300, 60
SETTINGS = Settings(STEP, WIDTH, {"5 minutes": 300, "1 hour": HOUR}, 10)
TRAINING = 3 * SECONDS_PER_DAY


def made_up(days: int, skill: float, seed: int = 1) -> History:
    """Windows of sixteen shapes; `skill` is how much of the outcome these decide."""
    random = np.random.default_rng(seed)
    n = days * SECONDS_PER_DAY // STEP
    starts = MIDNIGHT + STEP * np.arange(n)
    shape = random.integers(0, 16, n)
    vectors = random.normal(size=(16, 32))[shape] + 0.3 * random.normal(size=(n, 32))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    follows = random.normal(size=16)
    outcomes = {}
    for horizon in SETTINGS.horizons:
        noise = random.normal(size=(2, n))
        decided = skill * follows[shape]
        outcomes[horizon, "log_return"] = 1e-3 * (decided + noise[0])
        outcomes[horizon, "volatility"] = 1e-3 * np.exp(decided + 0.5 * noise[1])
    return History(
        starts=starts,
        vectors=vectors.astype(np.float32),
        paths=1e-3 * random.normal(size=(n, PATH_POINTS)).cumsum(axis=1),
        volatility=1e-3 * np.exp(0.3 * random.normal(size=n)),
        outcomes=outcomes,
    )
