"""Decimals are added up exactly, and become the doubles that their text would."""

from __future__ import annotations

from decimal import Decimal, localcontext

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from trader_panels import DAY, panel_of

from python_jobs.lib.profiles.decimal_sums import (
    DECIMAL,
    nearest_floats,
    sum_by,
    sum_spans,
    to_decimals,
    to_words,
)
from python_jobs.lib.profiles.flows import exact_figures, sum_flows
from python_jobs.lib.profiles.points import Points

MOST = Decimal(10) ** 17
decimals = st.lists(
    st.integers(0, 18).flatmap(
        lambda places: st.decimals(-MOST, MOST, places=places, allow_nan=False)
    ),
    min_size=1,
    max_size=20,
)


@settings(max_examples=300, deadline=None)
@given(decimals)
@example([Decimal("-0.000000000000000001"), Decimal("0"), Decimal("0.1")])
@example([Decimal(2**53 - 1), Decimal(2**53), Decimal(2**53 + 1), Decimal(2**53 + 3)])
@example([Decimal("99999999999999999999.999999999999999999")])
@example([Decimal("18.446744073709551615"), Decimal("18.446744073709551616")])
def test_the_double_is_the_nearest(values: list[Decimal]) -> None:
    found = nearest_floats(to_words(pa.array(values, DECIMAL)))
    assert found.tolist() == [float(value) for value in values]


@settings(deadline=None)
@given(decimals, st.integers(1, 4))
def test_sums_are_exact(values: list[Decimal], count: int) -> None:
    words = to_words(pa.array(values, DECIMAL))
    groups = np.arange(len(values)) % count
    with localcontext(prec=60):
        parts = [values[number::count] for number in range(count)]
        expected = [sum(part, Decimal(0)) for part in parts]
        magnitudes = [sum(map(abs, part), Decimal(0)) for part in parts]
    assert to_decimals(sum_by(groups, count, words)).to_pylist() == expected
    sums = sum_by(groups, count, words, of_absolute=True)
    assert to_decimals(sums).to_pylist() == magnitudes


def test_slices_nulls_and_chunks_keep_their_places() -> None:
    array = pa.array([Decimal(9), Decimal(1), None, Decimal(3)], DECIMAL)
    column = pa.chunked_array([array.slice(1), array.slice(3)])
    assert nearest_floats(to_words(column)).tolist() == [1, 0, 3, 3]


def test_another_scale_is_not_mistaken() -> None:
    with pytest.raises(TypeError, match=r"decimal128\(38, 18\) is expected"):
        to_words(pa.array([Decimal(1)], pa.decimal128(38, 6)))


def test_a_sum_of_too_many_digits_is_an_error() -> None:
    words = to_words(pa.array([Decimal("9e19"), Decimal("9e19")], DECIMAL))
    with pytest.raises(pa.ArrowInvalid, match="precision"):
        to_decimals(sum_by(np.zeros(2, np.int64), 1, words))


def test_flows_of_a_day_are_those_of_all_coins() -> None:
    rows = [
        ("b", 7, "BTC", "0.1"),
        ("b", 7, "@1", "-0.2"),
        ("b", 7, "PURR/USDC", "-0.3"),
        ("a", 9, "ETH", "-5"),
        ("b", 8, "xyz:NVDA", "2.5"),
        ("b", 7, "SOL", "1e-18"),
    ]
    names = ("user_address", "day", "coin", "net_flow_usd")
    columns = dict(zip(names, zip(*rows, strict=True), strict=True))
    flows = sum_flows(
        pa.table(
            {
                **{name: pa.array(columns[name]) for name in names[:3]},
                "net_flow_usd": pa.array(
                    [Decimal(flow) for flow in columns["net_flow_usd"]], DECIMAL
                ),
            }
        )
    )
    found = {(r["user_address"], r["day"]): r for r in flows.to_pylist()}
    assert found.keys() == {("b", 7), ("b", 8), ("a", 9)}
    day = found["b", 7]
    assert day["flow"] == float(Decimal("0.600000000000000001"))
    assert (day["spot_flow"], day["net_flow"]) == (0.5, float(Decimal("0.4")))
    assert found["a", 9]["net_flow"] == found["a", 9]["flow"] == 5
    assert found["b", 8]["spot_flow"] == 0


def test_flows_are_told_apart_however_many_traders() -> None:
    users = [f"{number:x}" for number in range(120_000)]
    flows = sum_flows(
        pa.table(
            {
                "user_address": users,
                "day": np.full(len(users), 20_000),
                "coin": ["BTC"] * len(users),
                "net_flow_usd": pa.array([Decimal(1)] * len(users), DECIMAL),
            }
        )
    )
    assert flows["user_address"].to_pylist() == users


def test_totals_are_exact_up_to_each_day() -> None:
    nan = float("nan")
    daily = [
        {"user_address": user, "day": DAY + day, "net_pnl": pnl, "fees_usd": fee,
         "maker_volume": 0.1, "taker_volume": 0.2, "first_fill_time": day * 10,
         "last_fill_time": day * 10 + 5}
        for user, day, pnl, fee in (
            ("a", 0, 0.1, 1.0), ("a", 2, 0.2, 2.0), ("a", 5, nan, 3.0),
            ("b", 1, 123456.000001, -0.5),
        )
    ]  # fmt: skip
    panel = panel_of(daily)
    points = Points(np.array([0, 0, 0, 1, 1]), DAY + np.array([1, 3, 9, 0, 9]))
    found = exact_figures(panel, points).to_pylist()
    assert [row["net_pnl"] for row in found] == [
        Decimal("0.1"), Decimal("0.3"), None, None, Decimal("123456.000001")
    ]  # fmt: skip
    assert [row["fees_usd"] for row in found] == [1, 3, 6, None, Decimal("-0.5")]
    assert [row["volume"] for row in found] == [
        Decimal("0.3"), Decimal("0.6"), Decimal("0.9"), None, Decimal("0.3")
    ]  # fmt: skip
    ends = [
        [row[f"{end}_active_at"] and row[f"{end}_active_at"].timestamp() * 1000
         for row in found]
        for end in ("first", "last")
    ]  # fmt: skip
    assert ends == [[0, 0, 0, None, 10], [5, 25, 55, None, 15]]


@settings(deadline=None)
@given(decimals, st.data())
def test_sums_of_spans_are_exact(values: list[Decimal], data: st.DataObject) -> None:
    words = to_words(pa.array(values, DECIMAL))
    places = st.integers(0, len(values))
    begin, end = sorted((data.draw(places), data.draw(places)))
    with localcontext(prec=60):
        expected = sum(values[begin:end], Decimal(0))
    found = sum_spans(words, np.array([begin]), np.array([end]))
    assert to_decimals(found).to_pylist() == [expected]
