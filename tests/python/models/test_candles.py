"""Candles of every level against a recomputation by pandas, on every edition."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from candle_project import (
    LEVELS,
    START,
    CandleProject,
    candle_project,
    recomputed,
    tape,
)
from tick_loading import OTHER_VENUE, VENUE, Trade, loaded

from pgio.connection import PROJECT_DIR

RECORDINGS = PROJECT_DIR.parent / "shared/data/binance_spot"
MIDNIGHT = datetime(2025, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def project(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CandleProject]:
    """One for all tests here, each of which has venues of its own."""
    folder = tmp_path_factory.mktemp("candles")
    with candle_project(folder, make_database(), has_columnstore=True) as made:
        yield made


def test_candles_equal_a_recomputation(project: CandleProject) -> None:
    project.load_trades(tape(3_000, seed=1), "made_up")
    project.load_trades(tape(800, seed=2), OTHER_VENUE)
    project.run("--select", "rollups")
    expected = project.expected()
    for name in LEVELS:
        assert project.candles(name) == expected[name], name

    # What the tape is for: ties, both sides of a midnight, empty buckets, two venues.
    hundredths = expected["btc_ohlcv_100ms"]
    assert max(candle[6] for candle in hundredths.values()) > 10
    days = {bucket.date() for bucket, _ in hundredths}
    assert len(days) == 2
    span = max(hundredths)[0] - min(hundredths)[0]
    assert len(hundredths) < span / LEVELS["btc_ohlcv_100ms"] / 2
    assert {venue for _, venue in hundredths} == {"made_up", OTHER_VENUE}


def test_ties_go_by_trade_id_in_whatever_order_they_were_loaded(
    project: CandleProject,
) -> None:
    def at(number: int, price: int, microseconds: int) -> Trade:
        moment = int(START.timestamp()) * 1_000_000 + microseconds
        return Trade(str(moment), number, str(price), "1", "buy")

    # Written as µs: the last two digits tell the first of these apart from the others.
    project.load_trades([at(7, 70, 5_000), at(8, 80, 5_000)], "ties")
    project.load_trades([at(4, 40, 4_999), at(5, 50, 5_000), at(6, 60, 5_000)], "ties")
    project.run("--select", "rollups")
    for name in LEVELS:
        [candle] = project.candles(name, "ties").values()
        assert candle[:4] == (40, 80, 40, 80), name
    project.load_trades([at(3, 30, 4_999), at(9, 90, 5_000)], "ties")
    project.run("--select", "rollups")
    for name in LEVELS:
        [candle] = project.candles(name, "ties").values()
        assert candle[:4] == (30, 90, 30, 90), name


def test_a_bucket_ends_before_the_next_begins(project: CandleProject) -> None:
    midnight = int(MIDNIGHT.timestamp()) * 1_000_000
    moments = {
        1: midnight - 1,
        2: midnight,
        3: midnight + 99_999,
        4: midnight + 100_000,
    }
    project.load_trades(
        [Trade(str(ts), number, "5", "0.5", "sell") for number, ts in moments.items()],
        "midnight",
    )
    project.run("--select", "rollups")
    found = {
        name: {
            bucket - MIDNIGHT: c[6]
            for (bucket, _), c in project.candles(name, "midnight").items()
        }
        for name in LEVELS
    }
    tenth = timedelta(milliseconds=100)
    assert found["btc_ohlcv_100ms"] == {-tenth: 1, 0 * tenth: 2, tenth: 1}
    for name in ("btc_ohlcv_1s", "btc_ohlcv_1m", "btc_ohlcv_5m"):
        assert found[name] == {-LEVELS[name]: 1, 0 * tenth: 3}, name


def test_real_recordings_give_the_candles_of_their_lines(
    project: CandleProject,
) -> None:
    if not RECORDINGS.is_dir():
        pytest.skip(f"there are no recordings in {RECORDINGS}")
    paths = sorted(RECORDINGS.glob("btcusdt_ws_*.gz"))
    # The later day first, the earlier one late.
    for path in reversed(paths):
        loaded(path, exchange=None)
        project.run("--select", "rollups")
    rows = {}
    for path in paths:
        with gzip.open(path, "rt") as lines:
            for line in lines:
                data = json.loads(line.partition(" ")[2]).get("data", {})
                if data.get("e") == "trade":
                    rows[data["t"]] = data
    assert len(rows) == 19_904
    ticks = [
        (
            datetime.fromtimestamp(data["T"] / 1000, UTC),
            VENUE,
            data["t"],
            Decimal(data["p"]),
            Decimal(data["q"]),
            -1 if data["m"] else 1,
        )
        for data in rows.values()
    ]
    expected = {name: recomputed(ticks, width) for name, width in LEVELS.items()}
    for name in LEVELS:
        assert project.candles(name, VENUE) == expected[name], name
    assert {bucket.day for bucket, _ in expected["btc_ohlcv_5m"]} == {8, 9}
