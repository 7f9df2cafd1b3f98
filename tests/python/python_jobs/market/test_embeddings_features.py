"""Features and vectors: a slow second opinion, no look-ahead, no NaN, unit length."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from btc_candles import (
    DAY,
    MIDNIGHT,
    OPTIONS,
    random_candles,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.window_by_window import pandas_features, pandas_shapes, window_frame
from python_jobs.lib.market.features import FEATURES, window_features, window_shapes
from python_jobs.lib.market.grid import PRICES, SUMS, SecondGrid
from python_jobs.lib.market.labels import forward_labels
from python_jobs.lib.market.vectors import Scales, embed, training_features

HOURS = 6
OFFSETS = np.arange(0, HOURS * 3600 - 300, 60)


def grid_of(candles: pa.Table, seconds: int = HOURS * 3600) -> SecondGrid:
    return SecondGrid.from_candles(candles, MIDNIGHT, seconds)


@pytest.fixture(scope="module")
def candles() -> pa.Table:
    return random_candles(HOURS * 3600)


@pytest.fixture(scope="module")
def scales(candles: pa.Table) -> Scales:
    return Scales.fit(training_features(grid_of(candles), OFFSETS, OPTIONS))


@pytest.mark.parametrize("activity", [0.004, 0.02, 0.4, 1.0])
def test_features_equal_a_window_by_window_computation(activity: float) -> None:
    candles = random_candles(HOURS * 3600, seed=5, activity=activity)
    grid = grid_of(candles)
    busy = OFFSETS[grid.count_trades(OFFSETS, 300) >= 2][::7]
    assert busy.size > 10
    windows = grid.windows(busy, 300)
    found, shapes = window_features(windows), window_shapes(windows, (25, 25))
    frame = candles.to_pandas()
    for row, offset in enumerate(busy):
        window = window_frame(frame, MIDNIGHT + int(offset), 300)
        expected = pandas_features(window)
        np.testing.assert_allclose(found[row], expected, rtol=1e-7, atol=1e-10)
        slow = pandas_shapes(window, (25, 25))
        for fast_path, slow_path in zip(shapes, slow, strict=True):
            np.testing.assert_allclose(fast_path[row], slow_path, rtol=1e-6, atol=1e-8)


def test_features_of_a_window_worked_out_by_hand() -> None:
    # Ten seconds; at 2 s 2 BTC bought at 100, at 5 s 1 and 1 sold from 110 to 121.
    candles = pa.table(
        {
            "second": [MIDNIGHT + 2, MIDNIGHT + 5],
            "open": [100.0, 110.0],
            "high": [100.0, 121.0],
            "low": [100.0, 110.0],
            "close": [100.0, 121.0],
            "volume": [2.0, 2.0],
            "notional": [200.0, 231.0],
            "trade_count": [1.0, 2.0],
            "buy_volume": [2.0, 0.0],
            "sell_volume": [0.0, 2.0],
            "large_volume": [2.0, 0.0],
            "squared_volume": [4.0, 2.0],
        }
    )
    windows = grid_of(candles, 10).windows(np.array([0]), 10)
    found = dict(zip(FEATURES, window_features(windows)[0], strict=True))
    step = np.log(1.21)
    # One return of `step`, nine of 0; flows 2, -2 and eight of 0, mean 0.
    expected = {
        "log_return": step,
        "semideviation_up": step,
        "semideviation_down": 0,
        "parkinson_volatility": step / np.sqrt(4 * np.log(2)),
        "signed_flow": 0,
        "flow_imbalance": 0,
        "trade_count": np.log(3),
        "mean_size": np.log(4 / 3),
        "large_share": 0.5,
        "price_impact": -2 * step / 8,
        "vwap_deviation": np.log(121 / (431 / 4)),
        # deviations -0.1 (nine) and 0.9 of step: 7 × 0.01 − 2 × 0.09 over 0.9
        "autocorrelation": (7 * 0.01 - 2 * 0.09) / 0.9,
        "time_concentration": 0.5,
        "size_concentration": 6 / 16,
    }
    assert found == pytest.approx(expected)
    price, flow = window_shapes(windows, (2, 5))
    # price 0 for five seconds, then step: one standard deviation below, one above
    assert price[0] == pytest.approx([-1, 1])
    # flow 2 from second 2 to 4: mean 0.6, variance 0.84
    low, high = -0.6 / np.sqrt(0.84), 1.4 / np.sqrt(0.84)
    assert flow[0] == pytest.approx([low, high, (high + low) / 2, low, low])


def test_the_future_and_the_past_are_not_in_a_vector(
    candles: pa.Table, scales: Scales
) -> None:
    second = pc.subtract(candles["second"], MIDNIGHT)
    middle = 3 * 3600
    offsets = np.array([middle])
    original = embed(grid_of(candles), offsets, OPTIONS, scales).vectors
    other = random_candles(HOURS * 3600, seed=99)
    inside = pc.and_(pc.greater_equal(second, middle), pc.less(second, middle + 300))
    for outside in ("future", "past", "both"):
        seconds = pc.subtract(other["second"], MIDNIGHT)
        late, early = pc.greater_equal(seconds, middle + 300), pc.less(seconds, middle)
        keep = {"future": late, "past": early, "both": pc.or_(late, early)}[outside]
        changed = pa.concat_tables([candles.filter(inside), other.filter(keep)])
        again = embed(grid_of(changed), offsets, OPTIONS, scales).vectors
        np.testing.assert_array_equal(again, original)
    # And what is inside is in it.
    less = candles.filter(pc.not_equal(second, candles["second"][0].as_py()))
    doubled = less.set_column(
        less.schema.get_field_index("buy_volume"),
        "buy_volume",
        pc.multiply(less["buy_volume"], 2.0),
    )
    assert np.any(embed(grid_of(doubled), offsets, OPTIONS, scales).vectors != original)


def test_a_window_comes_out_the_same_in_any_company(
    candles: pa.Table, scales: Scales
) -> None:
    grid = grid_of(candles)
    together = embed(grid, OFFSETS, OPTIONS, scales)
    alone = [
        embed(grid, OFFSETS[i : i + 1], OPTIONS, scales).vectors[0]
        for i in range(0, OFFSETS.size, 17)
    ]
    np.testing.assert_array_equal(together.vectors[::17], alone)


@pytest.mark.parametrize(
    ("dimensions", "window"), [(64, 300), (16, 300), (128, 300), (65, 420), (20, 3)]
)
def test_vectors_have_unit_length(
    candles: pa.Table, scales: Scales, dimensions: int, window: int
) -> None:
    options = dataclasses.replace(OPTIONS, dimensions=dimensions, window=window)
    found = embed(grid_of(candles), OFFSETS[:-3], options, scales)
    assert found.vectors.shape == (found.offsets.size, dimensions)
    assert found.offsets.size > 100
    lengths = np.linalg.norm(found.vectors.astype(np.float64), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(
    trades=st.lists(
        st.tuples(
            st.integers(0, 899),
            st.sampled_from([1e-8, 0.5, 60_000.0, 60_000.01, 1e9]),
            st.sampled_from([1e-12, 1e-8, 0.5, 1e4]),
            st.sampled_from([-1, 0, 1]),
            st.integers(1, 3),
        ),
        max_size=12,
        unique_by=lambda trade: trade[0],
    )
)
def test_whatever_traded_no_vector_is_nan(
    trades: list[tuple[int, float, float, int, int]],
) -> None:
    columns = list(zip(*trades, strict=True)) or [()] * 5
    second, price, volume, side, count = (np.array(c, np.float64) for c in columns)
    candles = pa.table(
        {
            "second": MIDNIGHT + second.astype(np.int64),
            **dict.fromkeys(("open", "high", "low", "close"), price),
            "volume": volume,
            "notional": price * volume,
            "trade_count": count,
            "buy_volume": volume * (side > 0),
            "sell_volume": volume * (side < 0),
            "large_volume": volume * (volume >= 1),
            "squared_volume": volume**2,
        }
    )
    unit = np.ones(len(FEATURES))
    scales = Scales(unit * 0, unit, unit)
    offsets = np.arange(0, 600, 60)
    found = embed(grid_of(candles, 900), offsets, OPTIONS, scales)
    assert np.isfinite(found.vectors).all()
    assert found.offsets.size + found.empty + found.flat == offsets.size
    trades_in = [int(count[(second >= o) & (second < o + 300)].sum()) for o in offsets]
    assert found.empty == sum(n < 2 for n in trades_in)


def test_scales_are_median_and_iqr_with_a_way_out() -> None:
    features = np.tile(np.arange(5.0)[:, None], (1, len(FEATURES)))
    features[:, 1] = [7, 7, 7, 7, 9]  # no IQR
    features[:, 2] = 3  # no spread at all
    found = Scales.fit(features)
    assert (found.median[0], found.iqr[0]) == (2, 2)
    assert found.scale[0] == pytest.approx(2 / 1.349, rel=1e-4)
    assert (found.iqr[1], found.scale[1]) == (0, pytest.approx(0.8))
    assert (found.median[2], found.scale[2]) == (3, 1)


def test_labels_look_from_the_last_price_to_the_last_in_the_horizon() -> None:
    closes = {0: 100.0, 290: 110.0, 301: 99.0, 359: 121.0, 360: 500.0, 900: 1.0}
    candles = pa.table(
        {
            "second": [MIDNIGHT + second for second in closes],
            **{name: list(closes.values()) for name in PRICES},
            **{name: [1.0] * len(closes) for name in SUMS},
        }
    )
    grid = grid_of(candles, 1000)
    ends = np.array([300, 361])
    returns, volatility = forward_labels(grid, ends, 60, MIDNIGHT + 900)
    assert returns[0] == pytest.approx(np.log(1.1))
    expected = np.hypot(np.log(99 / 110), np.log(121 / 99))
    assert volatility[0] == pytest.approx(expected)
    # Nothing traded in the minute after 361: neither zero nor a guess.
    assert np.isnan([returns[1], volatility[1]]).all()
    unknown, _ = forward_labels(grid, ends[:1], 60, MIDNIGHT + 359)
    assert np.isnan(unknown).all()


def test_candles_that_cannot_be_are_refused() -> None:
    candles = random_candles(600)
    double = pa.concat_tables([candles, candles.slice(0, 1)])
    with pytest.raises(ValueError, match="more than one candle"):
        SecondGrid.from_candles(double, MIDNIGHT, DAY)
    low = candles.schema.get_field_index("low")
    zero = candles.set_column(low, "low", pa.array(np.zeros(len(candles))))
    with pytest.raises(ValueError, match="low is not a positive number"):
        SecondGrid.from_candles(zero, MIDNIGHT, DAY)
