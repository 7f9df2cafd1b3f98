"""How the report writes figures, and what it computes from a trader's days."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from report import numbers
from report.figures import plain
from report.sections.trader import calendar, drawdowns, underwater
from report.tables import Cell, cell

DOLLARS = st.integers(-(10**9), 10**9).map(lambda cents: cents / 100)
DAYS = st.lists(DOLLARS, min_size=1, max_size=200).map(
    lambda net: pd.Series(net, pd.date_range("2025-01-01", periods=len(net)))
)


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
    made = cell(-0.00001, lambda v: numbers.percent(v, 2, signed=True), toned=True)
    assert made == Cell("0.00%", -0.00001, "")
    assert cell(-5.0, numbers.usd, toned=True).tone == "down"


def test_labels_hold_no_markup_and_nothing_invisible() -> None:
    assert plain("<b>x</b>") == "&lt;b&gt;x&lt;/b&gt;"
    assert plain("a\u202eb\x00\nc") == "a�b��c"
    assert plain("x" * 50, 10) == "x" * 9 + "…"


def test_idle_days_are_zero() -> None:
    day = {
        "net_pnl": 4.0,
        "realized_pnl": 1.0,
        "fees_usd": 0.5,
        "funding_usd": None,
        "unrealized_change_usd": 3.5,
        "is_funding_known": False,
    }
    days = [
        {**day, "day": date(2025, 1, 30)},
        {**day, "day": date(2025, 2, 1), "net_pnl": -2.0, "funding_usd": -6.0},
    ]
    made = calendar(days)
    assert list(made.index) == list(pd.date_range("2025-01-30", periods=3))
    assert made.to_dict("list") == {
        "net": [4.0, 0.0, -2.0],
        "realised less fees": [0.5, 0.0, 0.5],
        "unrealised": [3.5, 0.0, 3.5],
        "funding": [0.0, 0.0, -6.0],
    }


@given(DAYS)
def test_drawdowns_are_what_lies_under_the_highest_point(net_pnl: pd.Series) -> None:
    below = underwater(net_pnl)
    highest = 0.0
    for total, depth in zip(net_pnl.cumsum(), below, strict=True):
        highest = max(highest, total)
        assert depth == pytest.approx(total - highest, abs=1e-6)
    found = drawdowns(below, most=1000)
    assert max((fall["depth"] for fall in found), default=0.0) == pytest.approx(
        -below.min(), abs=1e-6
    )
    end = below.index[-1] + pd.Timedelta(days=1)
    under = sum(((fall["ended"] or end) - fall["began"]).days - 1 for fall in found)
    assert under == (below < 0).sum()


def test_a_drawdown_says_when() -> None:
    net_pnl = [5.0, -1.0, -3.0, 4.0, 1.0, -2.0]
    days = pd.Series(net_pnl, pd.date_range("1970-01-11", periods=6))
    first, second = drawdowns(underwater(days))
    assert first == {
        "began": pd.Timestamp(1970, 1, 11),
        "lowest": pd.Timestamp(1970, 1, 13),
        "ended": pd.Timestamp(1970, 1, 14),
        "depth": 4.0,
        "days": 3,
    }
    assert (second["depth"], second["ended"], second["days"]) == (2.0, None, 1)
