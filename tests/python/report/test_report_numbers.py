"""How the report writes figures, and what it computes from a trader's days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import empyrical
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report import numbers
from report.blocks import Cell
from report.daily import (
    calendar,
    drawdowns,
    months,
    rolling_sharpe,
    to_date,
    underwater,
)
from report.drawing.common import money_axis, plain

DOLLARS = st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)
DAYS = st.lists(DOLLARS, min_size=1, max_size=200).map(np.array)


@pytest.mark.parametrize(
    ("write", "value", "text"),
    [
        (numbers.usd, 0.0, "$0"),
        (numbers.usd, -0.001, "$0.00"),
        (numbers.usd, -12.345, "−$12.35"),
        (numbers.usd, 999.6, "$1.00k"),
        (numbers.usd, 999_950.0, "$1.00M"),
        (numbers.usd, -45_612.0, "−$45.6k"),
        (numbers.usd, 1.5e9, "$1.50B"),
        (numbers.usd, None, "–"),
        (numbers.usd_tick, -50_000.0, "−$50k"),
        (numbers.usd_tick, 2.5e9, "$2.5B"),
        (numbers.brief, -1_234.0, "−1.2k"),
        (numbers.brief, -0.2, "0"),
        (numbers.count, 999_499, "999,499"),
        (numbers.count, 1_234_567, "1.23M"),
        (numbers.percent, 0.456, "46%"),
        (numbers.percent, -0.002, "0%"),
        (numbers.ratio, -0.204, "−0.20"),
        (numbers.ratio, -0.001, "0.00"),
        (numbers.ratio, 123_456.0, "123k"),
        (numbers.price, 93_765.1, "93,765.10"),
        (numbers.price, 0.00012345, "0.00012345"),
        (numbers.duration, 45.0, "45 s"),
        (numbers.duration, 60.0, "1 min"),
        (numbers.duration, 8_280.0, "2.3 h"),
        (numbers.duration, 86_400 * 12.0, "12 d"),
    ],
)
def test_figures_are_short(
    write: Callable[[float | None], str], value: float | None, text: str
) -> None:
    assert write(value) == text


def test_what_rounds_to_zero_has_neither_sign_nor_colour() -> None:
    made = numbers.cell(
        -0.00001, lambda v: numbers.percent(v, 2, signed=True), toned=True
    )
    assert made == Cell("0.00%", -0.00001, "")
    assert numbers.cell(-5.0, numbers.usd, toned=True).tone == "down"


def test_labels_hold_no_markup_and_nothing_invisible() -> None:
    assert plain("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert plain("a\u202eb\x00\nc") == "a�b��c"
    assert plain("x" * 50, 10) == "x" * 9 + "…"


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=5))
def test_ticks_of_dollars_cover_what_is_drawn(values: list[float]) -> None:
    ticks = money_axis(values)["tickvals"]
    low, high = min([*values, 0.0]), max([*values, 0.0])
    slack = (high - low) * 1e-9
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 0.0 in ticks
    assert len(ticks) <= 8


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, -2.0], [1.0, 0.0, -2.0]),
        ([[1.0, 4.0], [-2.0, 5.0]], [[1.0, 4.0], [0.0, 0.0], [-2.0, 5.0]]),
    ],
)
def test_idle_days_are_zero(values: list[Any], expected: list[Any]) -> None:
    days, filled = calendar(np.array([3, 5]), np.array(values))
    assert days.tolist() == [3, 4, 5]
    assert filled.tolist() == expected


@given(DAYS)
def test_drawdowns_are_what_lies_under_the_highest_point(net_pnl: np.ndarray) -> None:
    equity, below = underwater(net_pnl)
    highest = 0.0
    for total, depth in zip(equity, below, strict=True):
        highest = max(highest, total)
        assert depth == pytest.approx(total - highest, abs=1e-6)
    days = np.arange(100, 100 + len(net_pnl))
    found = drawdowns(days, net_pnl, most=1000)
    assert max((fall.depth for fall in found), default=0.0) == pytest.approx(
        -below.min(), abs=1e-6
    )
    under = sum(
        ((fall.ended or to_date(days[-1] + 1)) - fall.began).days - 1 for fall in found
    )
    assert under == (below < 0).sum()


def test_a_drawdown_says_when() -> None:
    net_pnl = np.array([5.0, -1.0, -3.0, 4.0, 1.0, -2.0])
    first, second = drawdowns(np.arange(10, 16), net_pnl)
    assert (first.began, first.lowest, first.ended) == tuple(
        date(1970, 1, day) for day in (11, 13, 14)
    )
    assert (first.depth, second.depth, second.ended) == (4.0, 2.0, None)


@given(DAYS, st.integers(0, 20_000))
def test_months_add_up(net_pnl: np.ndarray, first: int) -> None:
    days = np.arange(first, first + len(net_pnl))
    found = months(days, net_pnl)
    assert sum(total for *_, total in found) == pytest.approx(net_pnl.sum(), abs=1e-3)
    expected = {(to_date(day).year, to_date(day).month) for day in days}
    assert [(year, month) for year, month, _ in found] == sorted(expected)


def test_the_rolling_ratio_is_that_of_each_window() -> None:
    net_pnl = np.random.default_rng(7).normal(3, 20, 60)
    found = rolling_sharpe(net_pnl, 30)
    assert len(found) == 31
    for i in (0, 17, 30):
        window = net_pnl[i : i + 30]
        assert found[i] == pytest.approx(
            empyrical.sharpe_ratio(window, annualization=365)
        )
    assert np.isnan(rolling_sharpe(np.full(30, 2.5))).all()
    assert len(rolling_sharpe(net_pnl[:29])) == 0
