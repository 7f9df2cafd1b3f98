"""Sharpe, Sortino and drawdown against empyrical and against brute force."""

import empyrical
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from python_jobs.lib.profiles.returns import DailyReturns

RNG = np.random.default_rng(7)


def feed(series: list[dict[int, float]], as_of: int = 10**6) -> DailyReturns:
    """Feed one ``{day: net PnL}`` per trader, in order of day."""
    rows = [(i, *item) for i, one in enumerate(series) for item in sorted(one.items())]
    trader, day, net_pnl = np.array(rows).reshape(-1, 3).T
    return DailyReturns.as_of(
        trader.astype(np.int64),
        day.astype(np.int64),
        net_pnl.copy(),
        point_trader=np.arange(len(series)),
        point_day=np.full(len(series), as_of),
    )


def dense(one: dict[int, float]) -> np.ndarray:
    """Every calendar day from the first to the last active one, zeros included."""
    return np.array([one.get(day, 0.0) for day in range(min(one), max(one) + 1)])


def random_series(count: int) -> list[dict[int, float]]:
    series = []
    for _ in range(count):
        days = np.flatnonzero(RNG.random(90) < RNG.uniform(0.05, 1)) + 20_000
        scale = 10 ** RNG.uniform(-2, 6)
        series.append(
            {int(d): float(RNG.normal(RNG.normal(), 1) * scale) for d in days}
        )
    return [one for one in series if len(one) > 1]


def test_ratios_equal_empyrical_with_gaps_filled_by_zeros():
    series = random_series(300)
    returns = feed(series)
    expected_sharpe = [
        empyrical.sharpe_ratio(dense(one), annualization=365) for one in series
    ]
    expected_sortino = [
        empyrical.sortino_ratio(dense(one), annualization=365) for one in series
    ]
    np.testing.assert_allclose(returns.sharpe_ratio(2), expected_sharpe, rtol=1e-10)
    sortino = np.where(np.isinf(expected_sortino), np.nan, expected_sortino)
    np.testing.assert_allclose(returns.sortino_ratio(2), sortino, rtol=1e-10)


def test_a_large_mean_does_not_cancel():
    one = {20_000 + i: 1e9 + float(i % 2) for i in range(40)}
    expected = empyrical.sharpe_ratio(dense(one), annualization=365)
    np.testing.assert_allclose(feed([one]).sharpe_ratio(2), [expected], rtol=1e-6)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e-9, 3e8])
def test_the_same_every_day_has_no_sharpe(value):
    one = {20_000 + i: value for i in range(30)}
    assert np.isnan(feed([one]).sharpe_ratio(14)).all()


def test_short_histories_have_no_ratio():
    returns = feed([{1: 1.0, 13: -2.0}, {1: 1.0, 14: -2.0}, {5: 3.0}])
    assert np.isnan(returns.sharpe_ratio(14)).tolist() == [True, False, True]
    assert np.isnan(returns.sortino_ratio(14)).tolist() == [True, False, True]


def test_no_losing_day_has_no_sortino_but_a_sharpe():
    returns = feed([{day: float(day) for day in range(1, 31)}])
    assert np.isnan(returns.sortino_ratio(14)).all()
    assert np.isfinite(returns.sharpe_ratio(14)).all()


def test_drawdown_is_measured_from_the_running_peak_and_from_zero():
    returns = feed(
        [
            {1: 100.0, 2: -30.0, 5: -30.0, 6: 200.0, 7: -50.0},
            {1: -40.0, 2: 10.0},
            {1: 1.0, 2: 2.0},
        ]
    )
    assert returns.max_drawdown().tolist() == [60.0, 40.0, 0.0]


def test_drawdown_equals_brute_force():
    series = random_series(100)
    expected = []
    for one in series:
        curve = np.concatenate([[0.0], np.cumsum(dense(one))])
        expected.append((np.maximum.accumulate(curve) - curve).max())
    np.testing.assert_allclose(feed(series).max_drawdown(), expected, rtol=1e-9)


def test_a_trader_not_seen_yet_has_nothing():
    returns = feed([{5: 1.0, 6: 2.0, 7: -1.0}], as_of=4)
    assert np.isnan(returns.sharpe_ratio(2)).all()
    assert np.isnan(returns.max_drawdown()).all()


def test_later_days_are_not_looked_at():
    one = random_series(1)[0]
    cut = sorted(one)[len(one) // 2]
    before = {day: pnl for day, pnl in one.items() if day <= cut}
    assert len(before) < len(one)
    assert (
        feed([one, one], as_of=cut).sharpe_ratio(2)[1]
        == feed([before]).sharpe_ratio(2)[0]
    )


@pytest.mark.parametrize("days", [[3, 3], [4, 3]])
def test_a_day_comes_once_and_in_order(days):
    with pytest.raises(ValueError, match="day 3 was added twice or out of order"):
        DailyReturns.as_of(
            np.zeros(2, np.int64),
            np.array(days),
            np.ones(2),
            point_trader=np.array([0]),
            point_day=np.array([9]),
        )


money = st.integers(-(10**6), 10**6).map(float)
days = st.dictionaries(st.integers(100, 160), money, min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(one=days, scale=st.sampled_from([0.25, 8.0, 1024.0]), shift=st.integers(1, 99))
def test_ratios_ignore_scale_and_calendar_and_drawdown_scales(one, scale, shift):
    base = feed([one])
    moved = feed([{day + shift: pnl * scale for day, pnl in one.items()}])
    np.testing.assert_allclose(moved.sharpe_ratio(2), base.sharpe_ratio(2), rtol=1e-12)
    np.testing.assert_allclose(
        moved.sortino_ratio(2), base.sortino_ratio(2), rtol=1e-12
    )
    np.testing.assert_allclose(moved.max_drawdown(), base.max_drawdown() * scale)


@settings(max_examples=60, deadline=None)
@given(one=days)
def test_losing_what_was_won_turns_the_sharpe_round(one):
    mirrored = feed([{day: -pnl for day, pnl in one.items()}])
    np.testing.assert_allclose(
        mirrored.sharpe_ratio(2), -feed([one]).sharpe_ratio(2), rtol=1e-12
    )
