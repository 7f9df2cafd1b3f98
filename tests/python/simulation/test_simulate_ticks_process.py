"""Simulated trades look like a market's, and planted patterns can be found again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tick_tape import Tape, microseconds, settings

from simulation.ticks.patterns import SHAPES
from simulation.ticks.run import simulate
from simulation.ticks.venues import BY_NAME

Floats = npt.NDArray[np.float64]

DAYS = 8
MINUTE = 60_000_000
POINTS = 30


@dataclass
class Trades:
    """One venue's, in the order of ids; times in µs since the start of the tape."""

    ts: npt.NDArray[np.int64]
    price: Floats
    volume: Floats
    side: Floats


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    folder = tmp_path_factory.mktemp("ticks")
    wanted = settings(ticks=400_000, days=DAYS, venues=("binance_spot", "coinbase"))
    return Tape(folder, simulate(folder, wanted))


def trades_of(folder: Path, exchange: str) -> Trades:
    table = pq.read_table(folder / "truth" / "ticks.parquet")
    table = table.filter(pc.equal(table["exchange"], exchange))
    columns: dict[str, Any] = {
        name: table[name].cast("float64").to_numpy()
        for name in ("price", "volume", "side")
    }
    ts = table["ts"].cast("int64").to_numpy()
    return Trades(ts - microseconds("2025-07-01T00:00:00Z"), **columns)


@pytest.fixture(scope="module")
def spot(tape: Tape) -> Trades:
    return trades_of(tape.folder, "binance_spot")


def correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def price_at(trades: Trades, times: npt.NDArray[np.int64]) -> Floats:
    place = np.searchsorted(trades.ts, times, side="right") - 1
    return trades.price[np.maximum(place, 0)]


def test_hundreds_of_trades_share_a_millisecond(spot: Trades) -> None:
    _, counts = np.unique(spot.ts // 1000, return_counts=True)
    days, bursts = np.unique(spot.ts // 86_400_000_000, return_counts=True)
    assert len(days) == DAYS
    assert bursts.min() > 3_000
    for day in days:
        _, per = np.unique(
            spot.ts[spot.ts // 86_400_000_000 == day] // 1000, return_counts=True
        )
        assert per.max() >= 300
    assert counts.mean() > 2
    assert np.median(counts) == 1


def test_trades_cluster_in_time(spot: Trades) -> None:
    orders = np.unique(spot.ts // 1000)
    seconds = np.bincount(orders // 1_000, minlength=DAYS * 86_400).astype(np.float64)
    # Of a Poisson process: 1, and 0.
    assert seconds.var() / seconds.mean() > 1.5
    assert correlation(seconds[:-1], seconds[1:]) > 0.1
    hours = np.bincount(spot.ts // (60 * MINUTE) % 24)
    assert hours[13:17].mean() > 1.5 * hours[0:6].mean()


def test_the_sides_of_trades_persist(spot: Trades) -> None:
    lags = {lag: correlation(spot.side[:-lag], spot.side[lag:]) for lag in (1, 10, 50)}
    assert lags[1] > 0.6
    assert lags[1] > lags[10] > lags[50] > 0.05
    assert abs(spot.side.mean()) < 0.15


def test_sizes_are_round_or_heavy_tailed(spot: Trades) -> None:
    quantiles = np.quantile(spot.volume, [0.1, 0.5, 0.99])
    assert 0 < quantiles[0] < 0.0005 < quantiles[1] < 0.01 < 0.3 < quantiles[2]
    assert (spot.volume >= 1).sum() > 100
    largest = np.sort(spot.volume)[-len(spot.volume) // 100 :]
    assert largest.sum() > 0.3 * spot.volume.sum()
    is_round = np.isin(spot.volume, [0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0])
    assert 0.1 < is_round.mean() < 0.3


def test_the_price_is_a_bitcoins(spot: Trades) -> None:
    assert 55_000 < spot.price.min() < spot.price.max() < 110_000
    cents = spot.price * 100
    assert np.abs(cents - np.round(cents)).max() < 1e-4
    minutes = np.log(price_at(spot, np.arange(1, DAYS * 1440) * MINUTE))
    returns = np.diff(minutes)
    annual = returns.std() * np.sqrt(365 * 1440)
    assert 0.3 < annual < 1.2
    # Of a normal distribution: 3; and volatility comes in clusters.
    assert ((returns - returns.mean()) ** 4).mean() / returns.var() ** 2 > 5
    assert correlation(np.abs(returns[:-1]), np.abs(returns[1:])) > 0.15
    assert abs(correlation(returns[:-1], returns[1:])) < 0.1


def test_flow_and_price_go_together(spot: Trades) -> None:
    minute = spot.ts // MINUTE
    flow = np.bincount(minute, np.sign(spot.side), DAYS * 1440)
    returns = np.diff(np.log(price_at(spot, np.arange(DAYS * 1440 + 1) * MINUTE)))
    assert correlation(np.sign(flow), np.sign(returns)) > 0.1


def test_venues_differ_by_a_small_basis(tape: Tape, spot: Trades) -> None:
    other = trades_of(tape.folder, "coinbase")
    at = price_at(spot, other.ts)
    basis = np.median(other.price / at - 1)
    assert basis == pytest.approx(BY_NAME["coinbase"].basis, abs=0.0001)


def paths(spot: Trades, minutes: npt.NDArray[np.int64]) -> Floats:
    """Log prices of five-minute windows, centred, unit length; shape (n, POINTS)."""
    times = minutes[:, None] * MINUTE + np.linspace(0, 5 * MINUTE - 1, POINTS).astype(
        int
    )
    logs = np.log(price_at(spot, times.ravel())).reshape(times.shape)
    logs -= logs.mean(axis=1, keepdims=True)
    return np.asarray(
        logs / np.maximum(np.linalg.norm(logs, axis=1, keepdims=True), 1e-9)
    )


def test_planted_patterns_have_their_shapes(tape: Tape, spot: Trades) -> None:
    by_name = {shape.name: shape for shape in SHAPES}
    flows: defaultdict[str, Floats] = defaultdict(lambda: np.zeros(7))
    planted = tape.truth("patterns")
    assert len(planted) == len(SHAPES) * settings().repeats + 1
    for row in planted:
        start = microseconds(row["start_at"]) - microseconds("2025-07-01T00:00:00Z")
        end = microseconds(row["end_at"]) - microseconds("2025-07-01T00:00:00Z")
        assert start % MINUTE == 0
        assert end - start == 5 * MINUTE
        shape = by_name[row["pattern"]]
        knots = np.linspace(0, 1, len(shape.price))
        course = np.interp(np.linspace(0, 1, POINTS), knots, shape.price)
        (path,) = paths(spot, np.array([start // MINUTE]))
        assert correlation(path, course) > 0.9, row
        inside = (spot.ts >= start) & (spot.ts < end)
        assert inside.sum() > 3 * len(spot.ts) / (DAYS * 288)
        part = np.clip((spot.ts[inside] - start) * 7 // (end - start), 0, 6)
        flows[shape.name] += np.bincount(part, spot.side[inside], 7)
    for name, flow in flows.items():
        assert correlation(flow, np.array(by_name[name].flow)) > 0.6


def test_what_follows_a_pattern_is_planted(tape: Tape, spot: Trades) -> None:
    errors = []
    for row in tape.truth("patterns"):
        if row["log_return_15m_after"]:
            end = microseconds(row["end_at"]) - microseconds("2025-07-01T00:00:00Z")
            now, later = np.log(price_at(spot, np.array([end, end + 15 * MINUTE])))
            errors.append(later - now - float(row["log_return_15m_after"]))
    assert np.sqrt(np.mean(np.square(errors))) < 0.004
    assert abs(np.mean(errors)) < 0.0015


def test_the_newest_whole_window_is_a_pattern(tape: Tape, spot: Trades) -> None:
    last = tape.truth("patterns")[-1]
    assert last["end_at"] == "2025-07-08T23:59:00.000000+00:00"
    assert spot.ts[-1] > (DAYS * 1440 - 1) * MINUTE
    names = [row["pattern"] for row in tape.truth("patterns")]
    assert names.count(last["pattern"]) == settings().repeats + 1


def test_the_nearest_windows_of_a_pattern_are_its_repetitions(
    tape: Tape, spot: Trades
) -> None:
    minutes = np.arange(DAYS * 1440 - 4)
    every = paths(spot, minutes)
    starts = defaultdict(list)
    for row in tape.truth("patterns"):
        start = microseconds(row["start_at"]) - microseconds("2025-07-01T00:00:00Z")
        starts[row["pattern"]].append(start // MINUTE)
    found = wanted = 0
    for repeated in starts.values():
        for start in repeated:
            likeness = every @ every[start]
            likeness[max(start - 4, 0) : start + 5] = -1
            nearest = minutes[np.argsort(likeness)[::-1][: len(repeated) - 1]]
            found += len(set(nearest.tolist()) & set(repeated))
            wanted += len(repeated) - 1
    # Of price alone; a shift by a minute is no hit.
    assert found > 0.8 * wanted
