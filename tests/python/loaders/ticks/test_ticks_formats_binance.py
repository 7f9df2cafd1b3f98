"""Binance: which market it is, what may not be mixed, contracts to bitcoins."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from tick_formats import FIXTURES, complaints, decode, decode_text, skipped, ticks

from loaders.errors import ObjectError
from loaders.ticks.chunk import Stream

COINM = "binance_coinm"
#: Bitcoins of two contracts of 100 USD at 67,500.5.
TWO_CONTRACTS = "0.002962941015"


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
    expected = TWO_CONTRACTS if "coinm" in exchange else "2"
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
    assert ticks([chunk])[0].volume == Decimal(TWO_CONTRACTS)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (trade() + aggregate(more=',"M":true'), "both trade and aggTrade of BTCUSDT"),
        (aggregate() + trade(more=',"X":"MARKET"'), "both aggTrade and trade"),
        (trade() + trade(symbol="BTCUSDC"), "both BTCUSDT and BTCUSDC.*--symbol"),
        (trade() + trade(more=',"X":"MARKET"'), "binance_spot and binance_usdm"),
        (trade(more=',"X":"MARKET"') + trade(), "binance_usdm and binance_spot"),
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


def test_a_refused_trade_is_of_its_instrument_all_the_same(tmp_path: Path) -> None:
    refused = trade(2).replace("67500.5", "-1")
    for line in (refused, refused.replace("{", '{"x":{},')):
        [chunk] = decode_text(tmp_path, trade(1, "ETHUSDT") + line)
        assert list(complaints([chunk])) == [2]
        assert chunk.others == {"ETHUSDT": 1}


def test_the_members_come_in_any_order_and_spelling(tmp_path: Path) -> None:
    line = (
        '{ "data": {"T":1717243201122, "m":"true", "q":2.50, "s":"BTCUSDT","p":6.75e4,'
        '"t":"7","e":"\\u0074rade","M":false}, "stream":"btcusdt@trade"}\n'
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
        ('"p":"67500.5"', '"p":1e9999999999999999999', "p is no number"),
        ('"p":"67500.5"', '"p":' + "[" * 100_000, "line is not JSON"),
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


WHOLE = "".join(f"{n},60000.1,1,{n},{n},1717243201122,false\n" for n in range(1, 151))
SPOT_ROW = "1,3000.1,0.001,3.0001,1717243201122,True,True\n"


@pytest.mark.parametrize(
    ("name", "content", "exchange", "symbol"),
    [
        # Whole quantities are contracts only where neither name nor columns say it.
        ("BTCUSDT-aggTrades-2024-06-01.csv", WHOLE, "binance_usdm", "BTCUSDT"),
        ("um_BTCUSDT-aggTrades-2024-06.csv", WHOLE, "binance_usdm", "BTCUSDT"),
        ("2024-06-01.BTCUSDT_240927.csv", WHOLE, "binance_usdm", "BTCUSDT_240927"),
        ("futures/um/daily/aggTrades/BTCUSDT/1.csv", WHOLE, "binance_usdm", "BTCUSDT"),
        ("futures/um/daily/1.csv", WHOLE, "binance_usdm", "BTCUSDT"),
        ("futures/cm/1.csv", WHOLE[:36], "binance_coinm", "BTCUSD_PERP"),
        ("cm-BTCUSD_240927-aggTrades.csv", WHOLE, "binance_coinm", "BTCUSD_240927"),
        ("all.csv", WHOLE, "binance_coinm", "BTCUSD_PERP"),
        ("btcusd-perp.csv", WHOLE, "binance_coinm", "BTCUSD"),
        ("futures/um/BTCUSD-aggTrades.csv", WHOLE, "binance_usdm", "BTCUSD"),
        ("old/btcusdc_2024.csv", SPOT_ROW, "binance_spot", "BTCUSDC"),
        ("BTC-USDT/trades.csv", SPOT_ROW, "binance_spot", "BTCUSDT"),
        ("BTCUSDC-trades-1.csv", SPOT_ROW, "binance_spot", "BTCUSDC"),
        ("SPOT_USDT/2024_BTC.csv", SPOT_ROW, "binance_spot", "BTCUSDT"),
        ("tmp023m3usd/ethusd_of_old/1.csv", SPOT_ROW, "binance_spot", "BTCUSDT"),
        ("tmpabcdeusd/august.csv", SPOT_ROW, "binance_spot", "BTCUSDT"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_local", [True, False])
def test_the_name_is_asked_first(
    tmp_path: Path, name: str, content: str, exchange: str, symbol: str, is_local: bool
) -> None:
    """An object of S3 is a file of another name while it is read."""
    path = tmp_path / (name if is_local else "vigil-x7")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    said = {} if is_local else {"uri": f"s3://raw/{name}"}
    [chunk] = decode(path, **said)
    assert chunk.stream == Stream(exchange, symbol, chunk.stream.kind)
    is_whole = "coinm" not in exchange and content == WHOLE
    assert not is_whole or {tick.volume for tick in ticks([chunk])} == {1}


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("spot_ETHUSDT-trades-2024-06-01.csv", "ETHUSDT"),
        ("2024-06-01-ethusdt.csv", "ETHUSDT"),
        ("trades_ETH-USDT_1.csv", "ETHUSDT"),
        ("ETHUSDT/2024-06-01.csv", "ETHUSDT"),
        ("symbol=SOLBTC/1.csv", "SOLBTC"),
        ("symbol=ethusdt/1.csv", "ETHUSDT"),
        ("old_ETHUSDC_2024/1.csv", "ETHUSDC"),
        ("1000SHIBUSDT-aggTrades-2024.csv", "1000SHIBUSDT"),
        ("spotETHUSDT-trades-2024-06-01.csv", "ETHUSDT"),
        ("ETHUSDTtrades.csv", "ETHUSDT"),
        ("rawSOLUSDC.csv", "SOLUSDC"),
    ],
)
@pytest.mark.parametrize("content", [SPOT_ROW, "ts,source_seq,price,volume\n"])
def test_the_symbol_is_found_anywhere_in_the_name(
    tmp_path: Path, name: str, symbol: str, content: str
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    with pytest.raises(ObjectError, match=f"says {symbol}, .*not bitcoin.* --symbol"):
        decode(path, exchange="eth")
    [chunk] = decode(path, symbol=symbol, exchange="eth")
    assert chunk.stream is not None
    assert chunk.stream.symbol == symbol


def test_a_name_contradicts_the_symbol(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-1.csv"
    path.write_text(SPOT_ROW)
    with pytest.raises(ObjectError, match="says BTCUSDT, --symbol ETHUSDT"):
        decode(path, symbol="ETHUSDT")
    path = tmp_path / "BTCUSDT_BTCUSDC.csv"
    path.write_text(SPOT_ROW)
    with pytest.raises(ObjectError, match="BTCUSDT and BTCUSDC: name the one"):
        decode(path)


#: Rows of spot: trades have seven columns, aggregates eight; the first two are damaged.
WITH_A_COMMA = "3600000001,42500.01,0.01,1000000,00010000,1704067200123,True,True\n"
LIKE_AN_AGGREGATE = "3600000001,42500.01,0.01,425,426,1704067200123,True,True\n"
SOUND = "3600000002,42500.02,0.5,21250.01,1704067200124,False,True\n"
SOUND_AGGREGATE = "2900000001,42500.01,0.51,3600,3602,1704067200123,True,True\n"


@pytest.mark.parametrize(
    ("content", "damaged", "sound"),
    [
        (WITH_A_COMMA + SOUND, [1], [3600000002]),
        (LIKE_AN_AGGREGATE + SOUND + SOUND.replace("02,", "03,", 1), [1],
         [3600000002, 3600000003]),
        # A lost comma makes a trade of an aggregate.
        (SOUND.replace(",21250.01,", ",2125001,") + 2 * SOUND_AGGREGATE, [1],
         [2900000001, 2900000001]),
    ],
)  # fmt: skip
def test_the_layout_is_what_most_lines_say(
    tmp_path: Path, content: str, damaged: list[int], sound: list[int]
) -> None:
    chunks = decode_text(tmp_path, content)
    assert list(complaints(chunks)) == damaged
    assert [tick.source_seq for tick in ticks(chunks)] == sound


def test_a_layout_that_half_of_the_lines_say(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match="cannot be told which of them are damaged"):
        decode_text(tmp_path, LIKE_AN_AGGREGATE + SOUND)


INVERSE = "1,3000,6,0.02,1717243201122,true\n"
BASE = "id,price,qty,base_qty,time,is_buyer_maker\n"
QUOTE = "id,price,qty,quote_qty,time,is_buyer_maker\n"


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("BTCUSDT-trades-1.csv", BASE + INVERSE, "name says binance_usdm, its columns"),
        ("BTCUSD_PERP-trades-1.csv", QUOTE, "name says binance_coinm, its columns"),
        ("BTCUSD_PERP-trades-1.csv", SPOT_ROW, "BTCUSD_PERP .* COIN-M.* of spot"),
        # 10 USD a contract, which is no bitcoin's.
        ("any.csv", BASE + INVERSE, "PERP is worth 100 USD, but .* 0 of the first 1"),
        ("BTCUSD_PERP-trades-1.csv", INVERSE, "worth 100 USD, but .* 0 of the first 1"),
    ],
)  # fmt: skip
def test_names_and_columns_that_contradict_each_other(
    tmp_path: Path, name: str, content: str, complaint: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ObjectError, match=complaint):
        decode(tmp_path / name)


def test_one_damaged_row_does_not_contradict_the_name(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-1.csv"
    sound = "".join(f"{n},60000,2,120000,1717243201122,true\n" for n in (1, 2))
    path.write_text("7,60000,6,0.01,1717243201122,true\n" + sound)
    [chunk] = decode(path)
    assert chunk.stream == Stream("binance_usdm", "BTCUSDT", "trade")


def _inverse_csv(header: str, row: str) -> Callable[[str], tuple[str, str]]:
    def named(symbol: str) -> tuple[str, str]:
        kind = "trades" if "base_qty" in header else "aggTrades"
        return f"{symbol}-{kind}-2024-06-01.csv", header + row

    return named


#: By form, a name and the content of an object with a trade of 6 contracts at 3,000.
CONTRACTS = {
    "trades CSV": _inverse_csv(BASE, "1,3000,6,@,1717243201122,true\n"),
    "aggTrades CSV": _inverse_csv("", "1,3000,6,1,1,1717243201122,true\n"),
    "trade": lambda symbol: ("a", trade(1, symbol, ',"X":"MARKET"')),
    "aggTrade": lambda symbol: ("a", aggregate(1, symbol)),
    "aggTrade, unusual": lambda symbol: (
        "a", aggregate(1, symbol, ',"nq":{"of":"6"}')
    ),
    "Tardis": lambda symbol: (
        "a",
        "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
        f"binance-delivery,{symbol},1717243200123456,1717243200150000,1,buy,3000,6\n",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("symbol", "usd"),
    [
        ("BTCUSD_PERP", 100),
        ("BTCUSD_240927", 100),
        ("ETHUSD_PERP", 10),
        ("SOLUSD_240927", 10),
    ],
)
@pytest.mark.parametrize("form", CONTRACTS)
def test_a_contract_is_worth_what_its_symbol_says(
    tmp_path: Path, form: str, symbol: str, usd: int
) -> None:
    name, content = CONTRACTS[form](symbol)
    content = content.replace("67500.5", "3000").replace('"q":"2"', '"q":"6"')
    (tmp_path / name).write_text(content.replace("@", str(6 * usd / 3000)))
    [chunk] = decode(tmp_path / name, symbol=symbol, exchange="cm")
    assert chunk.stream is not None
    assert (chunk.stream.exchange, chunk.stream.symbol) == ("cm", symbol)
    [tick] = ticks([chunk])
    assert tick.volume == Decimal(6 * usd) / 3000


def test_a_contract_that_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match="contract of FOO is worth is not known"):
        decode_text(tmp_path, aggregate(1, "FOO"), symbol="FOO", exchange=COINM)


@pytest.mark.parametrize(
    ("symbol", "unit"),
    [
        ("BTCUSD_PERP", "contracts of 100 USD"),
        ("ETHUSD_PERP", "contracts of 10 USD"),
        ("BTCUSDT", "BTC"),
        ("ETHUSDT", "base coin of ETHUSDT"),
    ],
)
def test_sizes_of_books_have_their_unit(tmp_path: Path, symbol: str, unit: str) -> None:
    quote = (
        f'{{"e":"bookTicker","u":1,"E":1717243201123,"s":"{symbol}","b":"3000",'
        '"B":"5","a":"3000.1","A":"7"}\n'
    )
    [chunk] = decode_text(tmp_path, aggregate(1, symbol) + quote, symbol=symbol)
    [book] = chunk.books.values()
    assert book["size_unit"] == unit


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


def test_a_price_of_zero_is_no_trade_of_contracts_either(tmp_path: Path) -> None:
    void = aggregate(2, "BTCUSD_PERP").replace('"p":"67500.5"', '"p":"0"')
    [chunk] = decode_text(tmp_path, aggregate(1, "BTCUSD_PERP") + void)
    assert [tick.source_seq for tick in ticks([chunk])] == [1]
    assert chunk.void_ids == [2]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('"f":1,', "", "f is missing"),
        ('"l":2', '"k":2', "l is missing"),
        ('"f":1', '"f":"x"', "f is no trade id ('x')"),
        ('"f":1', '"f":3', "f is above l 2 ('3')"),
    ],
)
def test_an_aggregate_names_its_trades(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    line = aggregate()
    assert old in line
    chunks = decode_text(tmp_path, aggregate(9) + line.replace(old, new), "binance_ws")
    assert [tick.source_seq for tick in ticks(chunks)] == [9]
    assert complaints(chunks) == {2: complaint}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", aggregate().replace('"f":1,"l":2', '"f":"007","l":"08"')),
        (
            "BTCUSDT-aggTrades-2021-01.csv",
            "1,30000,5,1,1,1609459200000,true\n2,30000,5,007,08,1609459200000,true\n",
        ),
    ],
)
def test_flags_are_json_however_ids_are_written(
    tmp_path: Path, name: str, content: str
) -> None:
    path = tmp_path / name
    path.write_text(content)
    assert ticks(decode(path))[-1].flags == '{"first_trade_id": 7, "last_trade_id": 8}'
