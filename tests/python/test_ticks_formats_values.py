"""Numbers and times out of bytes, against Python's own reading of them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loaders.ticks.formats import spans
from loaders.ticks.formats.exact import BadLine, exact_decimal, exact_time
from loaders.ticks.instruments import is_bitcoin
from loaders.ticks.formats.typed import to_microseconds

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DIGITS = re.compile("[0-9]{1,19}")
NUMBER = re.compile(r"([0-9]{1,10})(?:\.([0-9]{1,8}))?")
WORDS = st.lists(
    st.one_of(
        st.text("0123456789.", max_size=22),
        st.text("0123456789.-+eE ,", max_size=8),
        st.integers(2**63 - 3, 2**63 + 3).map(str),
    ),
    min_size=1,
    max_size=30,
)


def as_spans(words: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    encoded = [word.encode() for word in words]
    ends = np.cumsum([len(word) for word in encoded]).astype(np.int32)
    starts = ends - np.array([len(word) for word in encoded], dtype=np.int32)
    return np.frombuffer(b"".join(encoded) + b" ", np.uint8), starts, ends


@settings(deadline=None)
@given(WORDS)
def test_integers(words: list[str]) -> None:
    values, is_good = spans.integers(*as_spans(words))
    for word, value, good in zip(words, values.tolist(), is_good, strict=True):
        fits = DIGITS.fullmatch(word) is not None and int(word) < 2**63
        assert good == fits
        assert not fits or value == int(word)


@settings(deadline=None)
@given(WORDS)
def test_decimals(words: list[str]) -> None:
    text, starts, ends = as_spans(words)
    classes = spans.decimals(text, starts, ends, 10, 8)
    values = spans.scaled(text, starts, np.where(classes < 0, starts, ends), 8)
    for word, found, value in zip(words, classes, values.tolist(), strict=True):
        if NUMBER.fullmatch(word) is None:
            assert found == -1
        else:
            assert found == (1 if Decimal(word) > 0 else 0)
            assert value == int(Decimal(word) * 10**8)
    assert spans.gather(text, starts, ends).to_pylist() == words


@settings(deadline=None)
@given(
    st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)),
    st.integers(0, 9),
)
def test_iso_times(moment: datetime, places: int) -> None:
    text = moment.isoformat(timespec="seconds")
    fraction = f"{moment.microsecond:06d}789"[:places]
    text += f".{fraction}Z" if places else "Z"
    [value], [is_good] = spans.iso_times(*as_spans([text]))
    kept = int(fraction[:6].ljust(6, "0"))
    exact = moment.replace(microsecond=kept, tzinfo=UTC) - EPOCH
    assert is_good
    assert int(value) == exact // timedelta(microseconds=1)


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z",
        "2024-13-01T00:00:00Z",
        "2024-01-01T24:00:00Z",
        "2024-01-01T00:60:00Z",
        "2024-01-01 00:00:00Z",
        "2024-01-01T00:00:00",
        "2024-01-01T00:00:00.Z",
        "2024-01-01T00:00:00.1234567890Z",
        "2024-01-01T00:00:00+00:00",
        "2O24-01-01T00:00:00Z",
    ],
)
def test_what_is_no_iso_time_of_the_usual_layout(text: str) -> None:
    assert not spans.iso_times(*as_spans([text]))[1][0]


def test_units_of_time_are_told_by_their_size() -> None:
    seconds = 1_717_243_200
    values = np.array([seconds * 10**power for power in (0, 3, 6, 9)] + [12, 0])
    expected = [seconds * 10**6] * 4 + [0, 0]
    assert to_microseconds(values).tolist() == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1717243200.25", "2024-06-01T12:00:00.25+00:00"),
        ("1717243200123.4567", "2024-06-01T12:00:00.123456+00:00"),
        ("1717243200123456789", "2024-06-01T12:00:00.123456+00:00"),
        ("2024-06-01T14:00:00.5+02:00", "2024-06-01T12:00:00.5+00:00"),
        ("2024-06-01 12:00", "2024-06-01T12:00:00+00:00"),
        ("2024-06-01", "2024-06-01T00:00:00+00:00"),
    ],
)
def test_times_are_read_exactly(value: str, expected: str) -> None:
    moment = EPOCH + timedelta(microseconds=int(exact_time("ts", value)))
    assert moment == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1e-8", "0.00000001"),
        ("0067500.500000000000", "67500.5"),
        (Decimal("67500.50"), "67500.5"),
        (" 5. ", "5"),
        (12, "12"),
        ("1E+3", "1000"),
    ],
)
def test_decimals_are_written_plainly(value: object, expected: str) -> None:
    assert exact_decimal("price", value, (10, 8)) == expected


@pytest.mark.parametrize(
    "value", ["", "1_000", "١٢", "inf", "-inf", "nan", "1e999999999", "1,5", True, []]
)
def test_what_is_no_price(value: object) -> None:
    with pytest.raises(BadLine, match="price"):
        exact_decimal("price", value, (10, 8))


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
