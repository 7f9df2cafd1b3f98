"""Luck and skill told apart: traders whose true skill is known, through the models."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from scipy import stats
from servers import environment
from workspace import Workspace

from pgio.copy_in import copy_batches

pytestmark = [pytest.mark.slow, pytest.mark.any_server]

Floats = npt.NDArray[np.float64]

TRADERS = 6_000
SKILLED = 0.1
DAILY_SHARPE = 0.4
LAST_DAY = (date(2025, 11, 1) - date(1970, 1, 1)).days
ACTIVE = 0.3


def draw_days(
    rng: np.random.Generator, shape: str, sharpe: float, count: int
) -> Floats:
    """Draw the profits of days whose Sharpe ratio is known; standard deviation 1."""
    if shape == "normal":
        return rng.normal(sharpe, 1, count)
    if shape == "fat tails":
        return sharpe + rng.standard_t(4, count) / np.sqrt(2)
    if shape == "rare losses":
        return sharpe + 1 - rng.gamma(1, 1, count)
    # Nothing on most days.
    mean = sharpe / ACTIVE
    spread = np.sqrt((1 + sharpe**2) / ACTIVE - mean**2)
    return np.where(rng.random(count) < ACTIVE, rng.normal(mean, spread, count), 0.0)


@pytest.fixture(scope="module")
def traders() -> pd.DataFrame:
    """Return traders: shape, number of days, true daily Sharpe ratio, profits."""
    rng = np.random.default_rng(16)
    shapes = ["normal", "fat tails", "rare losses", "idle days"]
    rows = []
    for number in range(TRADERS):
        shape, count = shapes[number % 4], (20, 60, 120)[number % 3]
        sharpe = DAILY_SHARPE if rng.random() < SKILLED else 0.0
        usd = 10 ** rng.uniform(1, 6)
        profits = np.round(draw_days(rng, shape, sharpe, count) * usd, 6)
        # On the curve from the first day to the last, as those who trade or hold are.
        profits[0] = profits[0] or 1e-6
        rows.append((f"0x{number:040x}", shape, count, sharpe, profits))
    return pd.DataFrame(rows, columns=["user", "shape", "days", "sharpe", "profits"])


@pytest.fixture(scope="module")
def found(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
    traders: pd.DataFrame,
) -> pd.DataFrame:
    """Return what the model says about the traders on the last day."""
    conninfo = make_database()
    space = Workspace(environment(conninfo), conninfo, tmp_path_factory.mktemp("dbt"))
    space.dbt("run-operation", "create_sources")
    space.dbt("run", "--select", "+trader_risk_daily")
    lengths = traders["days"].to_numpy()
    day = np.concatenate([np.arange(LAST_DAY - n + 1, LAST_DAY + 1) for n in lengths])
    equity = np.concatenate([np.cumsum(each) for each in traders["profits"]])
    moved = np.concatenate([each != 0 for each in traders["profits"]])
    kept = moved | (day == LAST_DAY)
    rows = pa.record_batch(
        {
            "user_address": pa.array(np.repeat(traders["user"], lengths)[kept]),
            "day": pa.array(day[kept].astype(np.int32)).cast(pa.date32()),
            "equity_usd": pa.array(equity[kept]),
            "is_funding_known": pa.array(np.ones(kept.sum(), bool)),
            "has_marks": pa.array(np.ones(kept.sum(), bool)),
        }
    )
    with psycopg.connect(**conninfo) as conn:
        copy_batches(conn, "analytics.trader_pnl_daily", [rows])
    models = "int_pnl__sums_so_far trader_risk_daily"
    space.dbt("run", "--full-refresh", "--select", models)
    columns = ("mtm_sharpe_ratio", "mtm_sharpe_error", "mtm_probabilistic_sharpe")
    names = ("user_address", *columns, "mtm_q_value")
    query = f"select {', '.join(names)} from analytics.trader_risk_daily"
    last = space.query(f"{query} where day = date 'epoch' + {LAST_DAY}")
    table = pd.DataFrame(last, columns=["user", "ratio", "error", "probability", "q"])
    return traders.merge(table, on="user")


def test_figures_are_those_of_scipy(found: pd.DataFrame) -> None:
    """Moments, standard error, Student's tail and q-values, from the profits again."""
    profits = found["profits"]
    count = found["days"].to_numpy()
    sharpe = np.array([each.mean() / each.std(ddof=1) for each in profits])
    skewness = np.array([stats.skew(each) for each in profits])
    kurtosis = np.array([stats.kurtosis(each, fisher=False) for each in profits])
    error = np.sqrt(
        (1 - skewness * sharpe + (kurtosis - 1) / 4 * sharpe**2) / (count - 1)
    )
    score = sharpe / error
    assert np.allclose(found["ratio"], sharpe * np.sqrt(365), rtol=1e-6)
    assert np.allclose(found["error"], error * np.sqrt(365), rtol=1e-6)
    assert np.allclose(found["probability"], stats.norm.cdf(score), atol=1e-7)
    freedom = np.array([np.count_nonzero(each) for each in profits]) - 1
    tail = stats.t.sf(score, freedom)
    q_values = stats.false_discovery_control(tail)
    # The approximation of Student's distribution is worst with few degrees of freedom.
    assert np.abs(found["q"] - q_values).max() < 0.02


def test_intervals_hold_the_true_ratio(found: pd.DataFrame) -> None:
    """Of 60 days and more; with 20 days of which most are idle they are too narrow."""
    off = np.abs(found["ratio"] - found["sharpe"] * np.sqrt(365)) / found["error"]
    covered = (off < stats.norm.ppf(0.975)).groupby(found["days"]).mean()
    assert covered[[60, 120]].between(0.92, 0.97).all()
    assert covered[20] > 0.88


def test_the_lucky_are_about_as_many_as_the_q_value_says(found: pd.DataFrame) -> None:
    """Nine of ten traders have no skill; their profits are of four shapes."""
    is_lucky = found["sharpe"] == 0
    for threshold, allowed in ((0.05, 0.09), (0.1, 0.15), (0.2, 0.27)):
        chosen = found["q"] <= threshold
        assert is_lucky[chosen].mean() < allowed
    is_skilled = ~is_lucky
    assert (found["q"] <= 0.1)[is_skilled].mean() > 0.4
    # By the normal distribution, as the probability alone would have it, far more are.
    plain = stats.false_discovery_control(1 - found["probability"]) <= 0.1
    assert is_lucky[plain].mean() > 0.17
