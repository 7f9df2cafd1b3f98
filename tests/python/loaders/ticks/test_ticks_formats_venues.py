"""What the other venues' formats and the generic CSV insist on."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest
from tick_formats import FIXTURES, complaints, decode_text, skipped, tick, ticks

from loaders.errors import ObjectError
from loaders.ticks.chunk import Stream
from loaders.ticks.instruments import CONSECUTIVE, SPACED, UNORDERED
from pgio.connection import PROJECT_DIR

HEADER = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
COLUMNS = {"ts": "0", "source_seq": "1", "price": "2", "volume": "3"}
UUID = "00000000-0000-4000-8000-000000000001"


def tardis(
    venue: str, number: object, amount: str = "3", symbol: str = "BTCUSD"
) -> str:
    time = "1717243200123456,1717243200223456"
    return f"{venue},{symbol},{time},{number},buy,67500.5,{amount}\n"


def match(number: int, product: str, **more: object) -> str:
    message = {
        **{"type": "match", "trade_id": number, "product_id": product},
        **{"side": "sell", "size": "0.5", "price": "67500.5"},
        **{"time": "2024-06-01T12:00:00.123456Z"},
    }
    return json.dumps(message | more) + "\n"


@pytest.mark.parametrize(
    ("theirs", "ours", "is_consecutive"),
    [
        ("binance", "binance_spot", True),
        ("binance-futures", "binance_usdm", True),
        ("binance-delivery", "binance_coinm", True),
        ("coinbase", "coinbase", True),
        ("kraken", "kraken", True),
        ("bitstamp", "bitstamp", False),
        ("bybit-spot", "bybit_spot", False),
    ],
)
def test_tardis_names_of_venues(
    tmp_path: Path, theirs: str, ours: str, is_consecutive: bool
) -> None:
    [chunk] = decode_text(tmp_path, HEADER + tardis(theirs, 7))
    assert chunk.stream == Stream(ours, "BTCUSD", "trade", is_consecutive)
    [found] = ticks([chunk])
    # 300 / 67,500.5 of contracts.
    expected = "0.004444411523" if theirs == "binance-delivery" else "3"
    assert found.volume == Decimal(expected)


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (tardis("binance", 1) + tardis("coinbase", 2), "binance_spot and coinbase"),
        (tardis("deribit", 1), "'deribit' are coins, dollars or contracts"),
        (tardis("bitmex", UUID), "'bitmex' are coins, dollars or contracts"),
        (tardis("bitfinex", UUID), "tardis_csv: ids are no integers"),
        (
            tardis("binance", 1) + tardis("binance", 2, symbol="BTCEUR"),
            "both BTCUSD and BTCEUR",
        ),
    ],
)
def test_tardis_files_that_cannot_be(tmp_path: Path, rows: str, complaint: str) -> None:
    with pytest.raises(ObjectError, match=complaint):
        decode_text(tmp_path, HEADER + rows)


def test_one_id_that_is_no_integer_is_one_bad_row(tmp_path: Path) -> None:
    rows = tardis("binance", 1) + tardis("binance", "1x") + tardis("binance", 3)
    chunks = decode_text(tmp_path, HEADER + rows)
    assert [found.source_seq for found in ticks(chunks)] == [1, 3]
    assert complaints(chunks) == {3: "id is no whole number ('1x')"}


def test_a_damaged_venue_is_one_bad_row(tmp_path: Path) -> None:
    rows = tardis("bimance", 1) + tardis("binance", 2)
    chunks = decode_text(tmp_path, HEADER + rows)
    assert list(complaints(chunks)) == [2]
    assert "amounts of 'bimance'" in complaints(chunks)[2]


def test_contracts_of_tardis_are_whole(tmp_path: Path) -> None:
    rows = tardis("binance-delivery", 1, "2.5") + tardis("binance-delivery", 2, "5")
    chunks = decode_text(tmp_path, HEADER + rows)
    assert complaints(chunks) == {2: "amount is no number of contracts ('2.5')"}


def test_coinbase_ids_that_are_no_integers(tmp_path: Path) -> None:
    with pytest.raises(ObjectError, match="coinbase: ids are no integers"):
        decode_text(tmp_path, match(0, "BTC-USD", trade_id=UUID))


def test_two_products_of_coinbase(tmp_path: Path) -> None:
    lines = match(1, "BTC-USD") + match(1, "ETH-USD") + match(1, "BTC-EUR")
    with pytest.raises(ObjectError, match=r"both BTC-USD and BTC-EUR.*--symbol"):
        decode_text(tmp_path, lines)
    [chunk] = decode_text(tmp_path, lines, symbol="BTC-EUR")
    assert chunk.stream == Stream("coinbase", "BTC-EUR", "trade")
    assert (chunk.rows.num_rows, chunk.rows_skipped) == (1, 2)


def test_a_symbol_of_bitstamp_is_named_without_its_channel(tmp_path: Path) -> None:
    content = (FIXTURES / "bitstamp_live_trades.jsonl").read_bytes()
    content = content.replace(b"btcusd", b"btcxyz")
    with pytest.raises(ObjectError, match=r"there are rows of btcxyz \(3\)"):
        decode_text(tmp_path, content)
    [chunk] = decode_text(tmp_path, content, symbol="btcxyz")
    assert chunk.rows.num_rows == 2


def test_each_trade_of_a_kraken_message_stands_by_itself(tmp_path: Path) -> None:
    trade = {
        **{"symbol": "BTC/USD", "side": "buy", "price": 67500.1, "qty": 1e-05},
        **{"trade_id": 1, "timestamp": "2024-06-01T12:00:00.123456Z"},
    }
    message = {"channel": "trade", "type": "update"}
    several = [trade, trade | {"qty": 0}, trade | {"symbol": "ETH/USD"}, 5]
    line = json.dumps(message | {"data": several}) + "\n"
    one = json.dumps(message | {"data": [trade | {"trade_id": 9, "qty": 2}]}) + "\n"
    [chunk] = decode_text(tmp_path, line + one)
    assert [found.source_seq for found in ticks([chunk])] == [1, 9]
    assert [row.row_number for row in chunk.bad] == [1, 1]
    assert [row.reason for row in chunk.bad] == [
        "qty is zero ('0')",
        "data holds something that is no trade ('5')",
    ]
    assert (chunk.rows_read, chunk.rows_skipped) == (5, 1)


def test_floats_are_the_decimals_they_are_written_as(tmp_path: Path) -> None:
    """0.1 + 0.2 is not what stands there; nor does 17 digits' worth of it."""
    trade = (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy",'
        '"price":67500.12345678,"qty":123456789012.123456789012,"trade_id":1,'
        '"timestamp":"2024-06-01T12:00:00Z"}]}\n'
    )
    [found] = ticks(decode_text(tmp_path, trade))
    assert found.volume == Decimal("123456789012.123456789012")


@pytest.mark.parametrize("has_header", [True, False])
def test_columns_by_position(tmp_path: Path, has_header: bool) -> None:
    rows = "1717243200,5,67500.5,0.25\n1717243200.5,6,67500.5,0.25\n"
    content = ("when,ref,px,size\n" if has_header else "") + rows
    chunks = decode_text(tmp_path, content, "csv", exchange="desk", columns=COLUMNS)
    assert ticks(chunks) == [
        tick("2024-06-01T12:00:00Z", 5, "67500.5", "0.25", 0),
        tick("2024-06-01T12:00:00.5Z", 6, "67500.5", "0.25", 0),
    ]
    assert skipped(chunks) == has_header


def test_columns_by_their_own_names(tmp_path: Path) -> None:
    content = (
        "price,ts,is_buyer_maker,source_seq,volume,symbol\n"
        "67500.5,1717243200000,true,5,0.25,BTC-USD\n"
        "3800,1717243200000,true,5,0.25,ETH-USD\n"
    )
    chunks = decode_text(tmp_path, content, exchange="coinbase")
    assert chunks[0].stream == Stream("coinbase", "BTC-USD", "trade")
    assert ticks(chunks) == [tick("2024-06-01T12:00:00Z", 5, "67500.5", "0.25", -1)]
    assert skipped(chunks) == 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "name it, --exchange"),
        ({"exchange": "x"}, "no column for ts, .* --columns ts=NAME"),
        ({"exchange": "x", "columns": COLUMNS | {"ts": "9"}}, "no column 9 for ts"),
        ({"exchange": "x", "columns": COLUMNS | {"ts": "day"}}, "no column day for ts"),
        ({"exchange": "x", "columns": COLUMNS | {"ts": "1"}}, "both .* are to be 1"),
        ({"exchange": "x", "columns": COLUMNS | {"tz": "1"}}, "no tick column .* tz"),
    ],
)
def test_a_column_map_that_cannot_be(
    tmp_path: Path, options: dict, complaint: str
) -> None:
    with pytest.raises(ObjectError, match=complaint):
        decode_text(tmp_path, "when,ref,px,size\n1,2,3,4\n", "csv", **options)


@pytest.mark.parametrize(
    ("old", "new", "columns"),
    [("1,buy", '"1,buy', 1), ("1,buy", '1"2,buy', 1), ("BTCUSD,", "", 7)],
)
def test_a_row_that_cannot_be_cut_is_refused(
    tmp_path: Path, old: str, new: str, columns: int
) -> None:
    row = tardis("bitfinex", 1)
    damaged = row.replace(old, new, 1)
    assert damaged != row
    [chunk] = decode_text(tmp_path, HEADER + tardis("bitfinex", 7) + damaged)
    assert complaints([chunk]) == {3: f"line has {columns} columns, not 8"}
    assert not chunk.others


def test_the_seed_says_of_ids_what_the_loader_knows() -> None:
    with (PROJECT_DIR / "seeds/venues.csv").open(encoding="utf-8") as file:
        rows = {row["exchange"]: row for row in csv.DictReader(file)}
    counted = {
        name for name, row in rows.items() if row["ids_are_consecutive"] == "true"
    }
    assert counted == CONSECUTIVE
    assert {*UNORDERED, SPACED} <= rows.keys() - counted
