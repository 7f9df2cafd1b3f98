"""Numbers and times out of text, by the macros of the formats, against Python's."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from loaders import formats
from loaders.ticks.instruments import is_bitcoin

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS = re.compile(r"\s*[0-9]+\s*", re.ASCII)
NUMBER = re.compile(r"[0-9]{1,10}(\.[0-9]{1,8}0*)?")
WORDS = st.lists(
    st.one_of(
        st.text("0123456789.", max_size=22),
        st.text("0123456789.-+eE _,", max_size=8),
        st.integers(2**63 - 3, 2**63 + 3).map(str),
    ),
    min_size=1,
    max_size=30,
)
CONNECTION = formats.connect()


def evaluate(expression: str, words: list[str]) -> list[object]:
    """Evaluate an expression of ``t`` for each word."""
    table = pa.table({"t": pa.array(words, pa.string())})
    found = formats.select(CONNECTION, f"select {expression} as v from w", {"w": table})
    values: list[object] = found.column("v").to_pylist()
    return values


@settings(deadline=None)
@given(WORDS)
def test_integers(words: list[str]) -> None:
    for word, value in zip(words, evaluate("whole_number(t)", words), strict=True):
        fits = DIGITS.fullmatch(word) is not None and int(word) < 2**63
        assert value == (int(word) if fits else None)


@settings(deadline=None)
@given(WORDS)
@example(
    ["1e-8", "1e-9", "0.123456789", "00012.50", "1e400", "1e9", "1e10", ".5", "5."]
)
def test_decimals(words: list[str]) -> None:
    found = evaluate("exact(t, 10, 8)", words)
    reasons = evaluate("no_amount('p', t, 10, 8)", words)
    for word, text, reason in zip(words, found, reasons, strict=True):
        value = number(word)
        fits = value is not None and 0 <= value < 10**10 and value == round(value, 8)
        assert (text is not None) == fits
        if text is not None:
            assert NUMBER.fullmatch(str(text))
            assert Decimal(str(text)) == value
        assert (reason is None) == (fits and value != 0)


def number(word: str) -> Decimal | None:
    """Read a decimal as Python does, without its underscores and words."""
    if not re.fullmatch(
        r"\s*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[-+]?[0-9]{1,3})?\s*", word.lower()
    ):
        return None
    return Decimal(word.strip())


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 12, 30)),
    st.integers(0, 9),
)
def test_iso_times(moment: datetime, places: int) -> None:
    text = moment.isoformat(timespec="seconds")
    fraction = f"{moment.microsecond:06d}789"[:places]
    text += f".{fraction}Z" if places else "Z"
    kept = int(fraction[:6].ljust(6, "0"))
    exact = moment.replace(microsecond=kept, tzinfo=UTC) - EPOCH
    assert evaluate("microseconds(t)", [text]) == [exact // timedelta(microseconds=1)]


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01T00:00:00.Z",
        "2O24-01-01T00:00:00Z",
        "now",
        "12",
        "17172432001",
        "17172432001234",
        "1717243200123456789012",
        "",
    ],
)
def test_what_is_no_time(text: str) -> None:
    assert evaluate("coalesce(is_possible_time(microseconds(t)), false)", [text]) == [
        False
    ]
    assert evaluate("no_time('ts', t) <> ''", [text]) == [True]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1717243200", "2024-06-01T12:00:00+00:00"),
        ("1717243200.25", "2024-06-01T12:00:00.25+00:00"),
        ("1717243200123", "2024-06-01T12:00:00.123+00:00"),
        ("1717243200123.4567", "2024-06-01T12:00:00.123456+00:00"),
        ("1717243200123456", "2024-06-01T12:00:00.123456+00:00"),
        ("1717243200123456789", "2024-06-01T12:00:00.123456+00:00"),
        ("2024-06-01T14:00:00.5+02:00", "2024-06-01T12:00:00.5+00:00"),
        ("2024-06-01T12:00:00", "2024-06-01T12:00:00+00:00"),
        ("2024-06-01 12:00", "2024-06-01T12:00:00+00:00"),
        ("2024-06-01", "2024-06-01T00:00:00+00:00"),
    ],
)
def test_times_are_read_exactly(value: str, expected: str) -> None:
    moment = datetime.fromisoformat(expected) - EPOCH
    exact = moment // timedelta(microseconds=1)
    assert evaluate("microseconds(t)", [value]) == [exact]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1e-8", "0.00000001"),
        ("0067500.500000000000", "67500.5"),
        (" 5. ", "5"),
        ("1E+3", "1000"),
    ],
)
def test_decimals_are_written_plainly(value: str, expected: str) -> None:
    [text] = evaluate("exact(t, 10, 8)", [value])
    assert "e" not in str(text).lower()
    assert Decimal(str(text)) == Decimal(expected)


@pytest.mark.parametrize(
    "value",
    ["", "1_000", "١٢", "inf", "-inf", "nan", "1e999999999", "1,5", "true", "[]"],
)
def test_what_is_no_price(value: str) -> None:
    assert evaluate("exact(t, 10, 8)", [value]) == [None]
    assert evaluate("starts_with(no_amount('price', t, 10, 8), 'price')", [value]) == [
        True
    ]


@settings(deadline=None)
@given(
    st.integers(1, 900_000_000),
    st.one_of(
        st.integers(10**8, 9 * 10**17),
        # Powers of two make ties.
        st.integers(0, 30).map(lambda power: 10**8 << power),
    ),
    st.sampled_from([10, 100]),
)
@example(100, 32768 * 10**8, 100)
@example(300, 32768 * 10**8, 100)
def test_contracts_become_coins_exactly(contracts: int, price: int, usd: int) -> None:
    """Rounded half-even to twelve decimals."""
    expression = f"coins('{contracts}', {usd}, t)"
    [coins] = evaluate(expression, [f"{Decimal(price).scaleb(-8):f}"])
    exact = Fraction(contracts * usd * 10**8, price)
    assert Fraction(str(coins)) == Fraction(round(exact * 10**12), 10**12)


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("BTCUSDT", True),
        ("BTC-USD", True),
        ("XBT/EUR", True),
        ("btcusd", True),
        ("BTCUSDT_240927", True),
        ("BTCUSD_PERP", True),
        ("BTC-USD-SWAP", True),
        ("ETHBTC", False),
        ("BTCDOMUSDT", False),
        ("BTCSTUSDT", False),
        ("WBTCUSDT", False),
        ("BTCUSDTX", False),
    ],
)
def test_what_is_bitcoin(symbol: str, expected: bool) -> None:
    assert is_bitcoin(symbol) is expected
