"""Made-up traders, and the project's rules, for tests of profiles and cohorts."""

from __future__ import annotations

import csv
from decimal import Decimal
from typing import Any

import numpy as np
import pyarrow as pa

from pgio.connection import PROJECT_DIR
from python_jobs.lib.profiles.decimal_sums import DECIMAL
from python_jobs.lib.profiles.panel import (
    CURVE_MEASURES,
    DAILY_MEASURES,
    FLOW_MEASURES,
    MICROSECONDS_PER_DAY,
    MILLISECONDS_PER_DAY,
    MONEY,
    TraderPanel,
    build_panel,
)

SEEDS = PROJECT_DIR / "seeds"
DAY = 20_000
Rows = list[dict[str, Any]]


def panel_of(
    daily: Rows,
    positions: Rows = (),
    flows: Rows = (),
    curve: Rows = (),
    users: list[str] | None = None,
) -> TraderPanel:
    """Build a panel from rows that name only what matters."""
    users = users or sorted({row["user_address"] for row in daily})
    return build_panel(
        pa.array(users, pa.string()),
        _table(
            daily,
            {"user_address": "", "day": DAY, "first_fill_time": 0, "last_fill_time": 0}
            | dict.fromkeys(DAILY_MEASURES, 0.0),
        ),
        _table(
            flows, {"user_address": "", "day": DAY} | dict.fromkeys(FLOW_MEASURES, 0.0)
        ),
        _table(
            [
                row
                | {
                    at: int(row[name] * MILLISECONDS_PER_DAY) * 1000
                    for name, at in (
                        ("opened_ms", "opened_at"),
                        ("closed_ms", "closed_at"),
                    )
                    if name in row
                }
                for row in positions
            ],
            {
                "user_address": "",
                "coin": "BTC",
                "is_long": True,
                "is_liquidated": False,
                "opened_at": DAY * MICROSECONDS_PER_DAY,
                "closed_at": DAY * MICROSECONDS_PER_DAY,
                "net_pnl": 0.0,
                "entry_notional": 100.0,
                "holding_seconds": 60.0,
                "is_rated": True,
                "is_timed": True,
            },
        ),
        _table(
            curve,
            {"user_address": "", "day": DAY} | dict.fromkeys(CURVE_MEASURES, 0.0),
        ),
    )


def _table(rows: Rows, defaults: dict[str, Any]) -> pa.Table:
    full = [defaults | row for row in rows]
    types = {str: pa.string(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}
    return pa.table(
        {
            name: _decimals([row[name] for row in full])
            if name in (*MONEY, "mtm_net_pnl") and "closed_at" not in defaults
            else pa.array([row[name] for row in full], types[type(value)])
            for name, value in defaults.items()
        }
    )


def _decimals(values: list[float]) -> pa.Array:
    exact = [None if value != value else Decimal(f"{value:.6f}") for value in values]
    return pa.array(exact, DECIMAL)


def random_rows(traders: int = 40, seed: int = 3) -> tuple[Rows, Rows, Rows, Rows]:
    """Daily rows, positions, flows and curves of some traders over sixty days."""
    rng = np.random.default_rng(seed)
    daily: Rows = []
    positions: Rows = []
    flows: Rows = []
    for number in range(traders):
        user = f"0x{number:03d}"
        days = np.flatnonzero(rng.random(60) < rng.uniform(0.02, 1)) + DAY
        for day in days if len(days) else [DAY + 9]:
            row = {name: float(rng.integers(0, 100)) for name in DAILY_MEASURES}
            row |= {"net_pnl": float(rng.normal(2, 10)), "fill_count": 100.0}
            row["transfer_fills"] = 0.0
            daily.append({"user_address": user, "day": int(day), **row})
            flow = float(rng.uniform(1, 9))
            share = {"spot_flow": flow * rng.random(), "net_flow": flow * rng.random()}
            flows.append({"user_address": user, "day": int(day), "flow": flow, **share})
            positions += [
                {
                    "user_address": user,
                    "coin": str(rng.choice(["BTC", "ETH", "SOL"])),
                    "is_long": bool(rng.random() < 0.5),
                    "is_liquidated": bool(rng.random() < 0.02),
                    "opened_ms": float(day) - 1,
                    "closed_ms": float(day) + float(rng.integers(0, 9)) / 10,
                    "net_pnl": float(rng.integers(-3, 4)),
                    "entry_notional": float(rng.uniform(1, 1000)),
                    "holding_seconds": float(rng.integers(1, 1000)),
                    "is_rated": (rated := bool(rng.random() < 0.8)),
                    "is_timed": rated and bool(rng.random() < 0.8),
                }
                for _ in range(rng.integers(0, 5))
            ]
    return daily, positions, flows, random_curves(daily, rng)


def random_curves(daily: Rows, rng: np.random.Generator) -> Rows:
    """Curves from the first fill on, with days between and after fills."""
    curves: Rows = []
    for user in sorted({row["user_address"] for row in daily}):
        first = min(row["day"] for row in daily if row["user_address"] == user)
        equity, known = 0.0, float(rng.choice([0.2, 1.0]))
        for day in range(first, DAY + 60):
            equity += float(rng.normal(1, 5))
            if day > first and rng.random() < 0.5:
                continue
            curves.append(
                {
                    "user_address": user,
                    "day": day,
                    "mtm_known_share": known,
                    "mtm_net_pnl": round(equity, 6),
                    "mtm_profit_factor": float(rng.uniform(0, 2)),
                    "mtm_sharpe_ratio": float(rng.normal(2, 2)),
                    "mtm_sharpe_error": float(rng.uniform(0.1, 2)),
                    "mtm_probabilistic_sharpe": float(rng.uniform(0, 1)),
                    "mtm_q_value": float(rng.uniform(0, 0.3)),
                    "mtm_sortino_ratio": float(rng.normal(2, 2)),
                    "mtm_max_drawdown": float(rng.uniform(0, 9)),
                    "mtm_days": float(day - first + 1),
                    "mtm_mean_exposure": float(rng.uniform(0, 9)),
                }
            )
    return curves


def seed(name: str) -> Rows:
    """A seed as the database returns it: empty is NULL."""
    with (SEEDS / f"{name}.csv").open() as file:
        rows: Rows = [
            {k: v or None for k, v in row.items()} for row in csv.DictReader(file)
        ]
    for row in rows:
        if "rule_order" in row:
            row["rule_order"] = int(row["rule_order"])
            threshold = row["threshold"]
            row["threshold"] = None if threshold is None else float(threshold)
        if "leaves_signals" in row:
            row["leaves_signals"] = row["leaves_signals"] == "true"
    return rows
