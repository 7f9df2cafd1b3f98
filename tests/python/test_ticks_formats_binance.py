"""Binance: which market it is, what may not be mixed, contracts to bitcoins."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tick_formats import FIXTURES, complaints, decode, decode_text, skipped, ticks

from loaders.errors import ObjectError
from loaders.ticks.formats.contracts import inverse_volumes
from loaders.ticks.formats.exact import contracts_volume


def trade(seq: int = 1, symbol: str = "BTCUSDT", more: str = ',"M":true') -> str:
    return (
        f'{{"e":"trade","E":1717243201123,"s":"{symbol}","t":{seq},"p":"67500.5",'
        f'"q":"2","T":1717243201122,"m":true{more}}}\n'
    )


def aggregate(seq: int = 1, symbol: str = "BTCUSDT", more: str = "") -> str:
    return (
        f'{{"e":"aggTrade","E":1717243201123,"s":"{symbol}","a":{seq},"p":"67500.5",'
        f'"q":"2","f":1,"l":2,"T":1717243201122,"m":true{more}}}\n'
    )


@pytest.mark.parametrize(
    ("line", "exchange"),
    [
        (trade(), "binance_spot"),
        (trade(more=',"X":"MARKET"'), "binance_usdm"),
        (trade(symbol="BTCUSDT_240927", more=',"X":"MARKET"'), "binance_usdm"),
        (trade(symbol="BTCUSD_PERP", more=',"X":"MARKET"'), "binance_coinm"),
        (trade(symbol="BTCUSD_240927", more=""), "binance_coinm"),
        (aggregate(more=',"M":true'), "binance_spot"),
        (aggregate(), "binance_usdm"),
        (aggregate(symbol="BTCUSD_PERP"), "binance_coinm"),
    ],
)
def test_a_message_tells_its_market(tmp_path: Path, line: str, exchange: str) -> None:
    [chunk] = decode_text(tmp_path, line)
    assert chunk.stream is not None
    assert chunk.stream.exchange == exchange
    [tick] = ticks([chunk])
    expected = contracts_volume("2", "67500.5", 100) if "coinm" in exchange else "2"
    assert tick.volume == Decimal(expected)


def test_a_message_that_does_not_tell_its_market_needs_the_venue(
    tmp_path: Path,
) -> None:
    line = trade(more="")
    with pytest.raises(ObjectError, match="--exchange binance_spot or"):
        decode_text(tmp_path, line)
    [chunk] = decode_text(tmp_path, line, exchange="binance_coinm")
    assert chunk.stream is not None
    assert chunk.stream.exchange == "binance_coinm"
    assert ticks([chunk])[0].volume == Decimal(contracts_volume("2", "67500.5", 100))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (trade() + aggregate(more=',"M":true'), "both trade and aggTrade of BTCUSDT"),
        (aggregate() + trade(more=',"X":"MARKET"'), "both aggTrade and trade"),
        (trade() + trade(symbol="BTCUSDC"), "both BTCUSDT and BTCUSDC.*--symbol"),
        (trade() + trade(more=',"X":"MARKET"'), "of spot .* and of futures"),
        (trade(more=',"X":"MARKET"') + trade(), "of spot .* and of futures"),
    ],
)
def test_streams_are_not_mixed(tmp_path: Path, lines: str, complaint: str) -> None:
    with pytest.raises(ObjectError, match=complaint):
        decode_text(tmp_path, lines)


def test_one_of_two_instruments_is_taken_by_name(tmp_path: Path) -> None:
    lines = trade(1) + trade(2, "BTCUSDC") + trade(3, "ETHUSDT") + trade(4, "BTCUSDC")
    chunks = decode_text(tmp_path, lines, symbol="BTCUSDC")
    assert [tick.source_seq for tick in ticks(chunks)] == [2, 4]
    assert skipped(chunks) == 2


def test_a_recording_of_other_instruments_says_which(tmp_path: Path) -> None:
    lines = trade(1, "ETHUSDT") + trade(2, "BTCDOMUSDT") + trade(3, "ETHUSDT")
    known = r"rows of ETHUSDT \(2\), BTCDOMUSDT \(1\)"
    with pytest.raises(ObjectError, match=f"nothing of bitcoin in it; .* {known}"):
        decode_text(tmp_path, lines)
    with pytest.raises(ObjectError, match=f"nothing of BTCUSDT in it; .* {known}"):
        decode_text(tmp_path, lines, symbol="BTCUSDT")


def test_the_members_come_in_any_order_and_spelling(tmp_path: Path) -> None:
    line = (
        '{ "data": {"T":1717243201122, "m":"true", "q":2.50, "s":"BTCUSDT","p":6.75e4,'
        '"t":"7","e":"\\u0074rade","M":null}, "stream":"btcusdt@trade"}\n'
    )
    [tick] = ticks(decode_text(tmp_path, line, "binance_ws"))
    assert (tick.source_seq, tick.price, tick.volume, tick.side) == (
        *(7, Decimal(67500), Decimal("2.5")),
        -1,
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("67500.5", "-67500.5", "p is negative"),
        ("67500.5", "12345678901", "p has more than 10 digits before the point"),
        ("67500.5", "NaN", "p is no number"),
        ('"q":"2"', '"q":"0.0000000000001"', "q has more than 12 decimals"),
        ('"q":"2"', '"x":"2"', "q is missing"),
        ("1717243201122", "17172432011", "T is neither in seconds, milli-"),
        ("1717243201122", "9917243201122", "T is not between 2009 and tomorrow"),
        ('"t":1', '"t":-1', "t is no whole number"),
        ('"t":1', '"t":9223372036854775808', "t is beyond the largest whole number"),
        ('"m":true', '"m":1', "m is neither true nor false"),
        ('"e":"trade"', '"e":"traed"', "e is no event with such fields"),
        ('"BTCUSDT"', '""', "s is missing"),
        ("{", "[", "line is not JSON"),
        ('"p":"67500.5"', '"p":1e9999999999999999999', "line is not JSON: a number"),
        ('"p":"67500.5"', '"p":' + "[" * 100_000, "line is not JSON: maximum recur"),
    ],
)
def test_a_refused_trade_says_why(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    line = trade()
    assert old in line
    chunks = decode_text(tmp_path, trade(9) + line.replace(old, new), "binance_ws")
    assert [tick.source_seq for tick in ticks(chunks)] == [9]
    assert complaint in complaints(chunks)[2]


@pytest.mark.parametrize(
    ("name", "content", "exchange", "symbol"),
    [
        ("BTCUSD_PERP-aggTrades-2021-01.csv", "1,30000,5,1,1,1609459200000,true\n",
         "binance_coinm", "BTCUSD_PERP"),
        ("BTCUSDT-aggTrades-2021-01.csv", "1,30000,5,1,1,1609459200000,true\n",
         "binance_usdm", "BTCUSDT"),
        ("any", "1,30000,0.5,1,1,1609459200000,true\n", "binance_usdm", "BTCUSDT"),
        ("any", "1,30000,5,1,1,1609459200000,true\n" * 100, "binance_coinm",
         "BTCUSD_PERP"),
        ("any", "1,30000,6,0.02,1609459200000,true\n", "binance_coinm", "BTCUSD_PERP"),
        ("any", "1,30000,6,180000,1609459200000,true\n", "binance_usdm", "BTCUSDT"),
    ],
)  # fmt: skip
def test_futures_files_tell_their_market(
    tmp_path: Path, name: str, content: str, exchange: str, symbol: str
) -> None:
    (tmp_path / name).write_text(content)
    [chunk] = decode(tmp_path / name)
    assert chunk.stream is not None
    assert (chunk.stream.exchange, chunk.stream.symbol) == (exchange, symbol)


def test_futures_files_that_do_not_tell_their_market(tmp_path: Path) -> None:
    row = "1,30000,5,1,1,1609459200000,true\n"
    with pytest.raises(ObjectError, match="--exchange binance_usdm or"):
        decode_text(tmp_path, row)
    [tick] = ticks(decode_text(tmp_path, row, exchange="binance_coinm"))
    assert tick.volume == Decimal("0.016666666667")


def test_a_file_of_another_instrument_is_refused_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "ETHUSDT-trades-2024-01-01.csv"
    path.write_bytes((FIXTURES / "binance_spot_trades_2024.csv").read_bytes())
    with pytest.raises(ObjectError, match="ETHUSDT"):
        decode(path)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(1, 900_000_000),
            st.one_of(
                st.integers(10**8, 9 * 10**17),
                # Powers of two make ties.
                st.integers(0, 30).map(lambda power: 10**8 << power),
            ),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_contracts_become_bitcoins_exactly(trades: list[tuple[int, int]]) -> None:
    contracts, prices = (
        np.array(column, dtype=np.int64) for column in zip(*trades, strict=True)
    )
    for volume, (count, price) in zip(
        inverse_volumes(contracts, prices, 100).to_pylist(), trades, strict=True
    ):
        exact = Fraction(count * 100 * 10**8, price)
        assert Fraction(volume) * 10**12 == round(exact * 10**12)
        plain = f"{price // 10**8}.{price % 10**8:08d}"
        assert contracts_volume(str(count), plain, 100) == volume
