"""Decimals as text: exact, each value at a scale of its own."""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgio.decimal_text import plain_text

LONGEST = 2**63 - 1


def written(values: list[Decimal | None], scale: int, digits: int = 38) -> list[str]:
    kind = pa.decimal128(digits, scale) if digits <= 38 else pa.decimal256(76, scale)
    texts: list[str] = plain_text(pa.array(values, kind)).to_pylist()
    return texts


@pytest.mark.parametrize(
    ("value", "scale", "text"),
    [
        ("1.500", 3, "1.5"),
        ("-0.050", 3, "-0.05"),
        ("0", 9, "0"),
        ("1200", 0, "1200"),
        ("1200", 4, "1200"),
        ("-7", 18, "-7"),
        ("0.000000000000000001", 18, "0.000000000000000001"),
        (str(LONGEST), 0, str(LONGEST)),
        (str(-LONGEST - 1), 0, str(-LONGEST - 1)),
        ("0.9223372036854775807", 19, "0.9223372036854775807"),
        (f"{LONGEST + 1}.10", 2, f"{LONGEST + 1}.1"),
        ("12345678901234567890.5", 10, "12345678901234567890.5"),
    ],
)
def test_values_lose_their_trailing_zeros(value: str, scale: int, text: str) -> None:
    assert written([Decimal(value)], scale) == [text]


def test_nulls_stay_and_a_slice_is_what_it_shows() -> None:
    kind = pa.decimal128(38, 4)
    array = pa.array([Decimal("9"), None, Decimal("0.25"), Decimal("3")], kind)
    assert plain_text(array).to_pylist() == ["9", None, "0.25", "3"]
    assert plain_text(array.slice(1, 2)).to_pylist() == [None, "0.25"]
    assert plain_text(array.slice(0, 0)).to_pylist() == []
    assert plain_text(pa.nulls(2, kind)).to_pylist() == [None, None]


@given(
    st.lists(
        st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=9,
                                min_value=-(10**18), max_value=10**18),
        max_size=20,
    ),
    st.sampled_from([38, 76]),
)  # fmt: skip
def test_text_reads_back_as_the_value(
    values: list[Decimal | None], digits: int
) -> None:
    for value, text in zip(values, written(values, 9, digits), strict=True):
        assert (value is None) == (text is None)
        if value is not None:
            assert Decimal(text) == value
            if digits == 38 and abs(value) < 10**9:
                assert not (text.endswith(("0", ".")) and "." in text)
