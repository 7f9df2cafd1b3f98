"""Each venue's format, decoded from a file written by hand for this project."""

from __future__ import annotations

import pytest
from tick_formats import FIXTURES, Tick, complaints, decode, skipped, tick, ticks

from loaders.ticks.chunk import Stream
from loaders.ticks.objects import detect, known_formats

NOON = "2024-06-01T12:00:0"
NEW_YEAR = "2024-01-01T00:00:00"
DESK = {
    "ts": "when",
    "source_seq": "ref",
    "price": "px",
    "volume": "size",
    "side": "taker",
}

#: File: its format, options, stream, ticks, lines skipped, complaints by line.
CASES: dict[str, tuple[str, dict, Stream, list[Tick], int, dict[int, str]]] = {
    "binance_spot_trade.jsonl": (
        "binance_ws",
        {},
        Stream("binance_spot", "BTCUSDT", "trade"),
        [
            tick(f"{NOON}1.122Z", 900000001, "67500.01", "0.015", -1),
            tick(f"{NOON}1.222Z", 900000002, "67500.02", "0.00001", 1),
            tick(f"{NOON}1.322Z", 900000003, "67499.99", "12.5", -1),
            tick(f"{NOON}1.422456Z", 900000004, "67500", "0.1", 1),
        ],
        4,
        {
            9: "p has more than 8 decimals ('67500.000000001')",
            10: "q is zero ('0.00000000')",
            11: "line is not JSON",
        },
    ),
    "binance_spot_aggtrade.jsonl": (
        "binance_ws",
        {},
        Stream("binance_spot", "BTCUSDT", "aggTrade"),
        [
            tick(
                *(f"{NOON}1.12Z", 330000001, "67500.01", "0.25", 1),
                '{"first_trade_id": 900000001, "last_trade_id": 900000004}',
            ),
            tick(
                *(f"{NOON}1.121Z", 330000002, "67500", "0.001", -1),
                '{"first_trade_id": 900000005, "last_trade_id": 900000005}',
            ),
        ],
        1,
        {4: "f is above l 900000006 ('900000007')"},
    ),
    "binance_usdm_trade.jsonl": (
        "binance_ws",
        {},
        Stream("binance_usdm", "BTCUSDT", "trade"),
        [
            tick(f"{NOON}1.122Z", 5100000001, "67490.1", "0.15", 1),
            tick(f"{NOON}1.152Z", 5100000004, "67489.9", "3", -1),
        ],
        5,
        {8: "X is none of MARKET, INSURANCE_FUND, ADL, NA ('MARKED')"},
    ),
    "binance_coinm_aggtrade.jsonl": (
        "binance_ws",
        {},
        Stream("binance_coinm", "BTCUSD_PERP", "aggTrade"),
        [
            # 700 / 62,500; 300 / 61,234.5; and two ties: 100 / 2^15, 300 / 2^15.
            tick(
                *(f"{NOON}1.122Z", 41000001, "62500", "0.0112", 1),
                '{"first_trade_id": 710000001, "last_trade_id": 710000002}',
            ),
            tick(
                *(f"{NOON}1.123Z", 41000002, "61234.5", "0.004899198981", -1),
                '{"first_trade_id": 710000003, "last_trade_id": 710000003}',
            ),
            tick(
                *(f"{NOON}1.124Z", 41000003, "32768", "0.003051757812", -1),
                '{"first_trade_id": 710000004, "last_trade_id": 710000004}',
            ),
            tick(
                *(f"{NOON}1.125Z", 41000004, "32768", "0.009155273438", -1),
                '{"first_trade_id": 710000005, "last_trade_id": 710000005}',
            ),
        ],
        0,
        {5: "q is no number of contracts ('1.5')"},
    ),
    "binance_spot_trades_2024.csv": (
        "binance_csv",
        {},
        Stream("binance_spot", "BTCUSDT", "trade"),
        [
            tick(f"{NEW_YEAR}.123Z", 3600000001, "42500.01", "0.01", -1),
            tick(f"{NEW_YEAR}.123Z", 3600000002, "42500.02", "0.5", 1),
        ],
        0,
        {3: "line has 6 columns, not 7"},
    ),
    "binance_spot_trades_2025.csv": (
        "binance_csv",
        {},
        Stream("binance_spot", "BTCUSDT", "trade"),
        [
            tick("2025-01-01T00:00:00.123456Z", 4300000001, "93500.01", "0.01", -1),
            tick("2025-01-01T00:00:00.123457Z", 4300000002, "93500.02", "0.5", 1),
        ],
        0,
        {},
    ),
    "binance_spot_aggtrades.csv": (
        "binance_csv",
        {},
        Stream("binance_spot", "BTCUSDT", "aggTrade"),
        [
            tick(
                *(f"{NEW_YEAR}.123Z", 2900000001, "42500.01", "0.51", -1),
                '{"first_trade_id": 3600000001, "last_trade_id": 3600000002}',
            )
        ],
        0,
        {},
    ),
    "binance_usdm_trades.csv": (
        "binance_csv",
        {},
        Stream("binance_usdm", "BTCUSDT", "trade"),
        [
            tick(f"{NEW_YEAR}.123Z", 4500000001, "42510.1", "0.01", -1),
            tick(f"{NEW_YEAR}.124Z", 4500000002, "42510.2", "1", 1),
        ],
        2,
        {},
    ),
    "binance_usdm_trades_no_header.csv": (
        "binance_csv",
        {},
        Stream("binance_usdm", "BTCUSDT", "trade"),
        [
            tick("2020-06-01T00:00:00.123Z", 150000001, "9500.5", "0.01", -1),
            tick("2020-06-01T00:00:00.124Z", 150000002, "9500.6", "2", 1),
        ],
        0,
        {},
    ),
    "binance_coinm_trades.csv": (
        "binance_csv",
        {},
        Stream("binance_coinm", "BTCUSD_PERP", "trade"),
        [
            tick(f"{NOON}1.122Z", 710000001, "62500", "0.0112", 1),
            tick(f"{NOON}1.123Z", 710000002, "61234.5", "0.004899198981", -1),
        ],
        1,
        {},
    ),
    "binance_usdm_aggtrades.csv": (
        "binance_csv",
        {},
        Stream("binance_usdm", "BTCUSDT", "aggTrade"),
        [
            tick(
                *(f"{NEW_YEAR}.123Z", 1900000001, "42510.1", "0.31", -1),
                '{"first_trade_id": 4500000001, "last_trade_id": 4500000003}',
            )
        ],
        1,
        {},
    ),
    "coinbase_matches.jsonl": (
        "coinbase",
        {},
        Stream("coinbase", "BTC-USD", "trade"),
        [
            tick(f"{NOON}0.123456Z", 600000001, "67510.25", "0.0025", 1),
            tick(f"{NOON}0.5Z", 600000002, "67510.24", "1.5", -1),
        ],
        4,
        {7: "side is neither buy nor sell ('short')"},
    ),
    "kraken_trades.jsonl": (
        "kraken",
        {},
        Stream("kraken", "BTC/USD", "trade"),
        [
            tick(f"{NOON}0.123456Z", 71000001, "67512.3", "0.00012345", 1),
            tick(f"{NOON}0.223456Z", 71000002, "67512.2", "2", -1),
            tick(f"{NOON}0.323456Z", 71000003, "67512.1", "0.00005", -1),
        ],
        3,
        {5: "qty is negative ('-0.1')"},
    ),
    "bitstamp_live_trades.jsonl": (
        "bitstamp",
        {},
        Stream("bitstamp", "btcusd", "trade", is_consecutive=False),
        [
            tick(f"{NOON}0.123456Z", 340000001, "67511", "0.014", 1),
            tick(f"{NOON}1.123456Z", 340000019, "67510", "0.00001", -1),
        ],
        2,
        {5: "type is neither 0 nor 1 ('2')"},
    ),
    "tardis_trades.csv": (
        "tardis_csv",
        {},
        Stream("bitfinex", "BTCUSD", "trade", is_consecutive=False),
        [
            tick(f"{NOON}0.123456Z", 1550000001, "67515", "0.0123", 1),
            tick(f"{NOON}0.223456Z", 1550000002, "67514", "0.5", -1),
            tick(f"{NOON}0.323456Z", 1550000003, "67514.5", "0.000001", 0),
        ],
        1,
        {5: "side is neither buy nor sell nor unknown ('hold')"},
    ),
    "hyperliquid_trades.jsonl": (
        "hyperliquid",
        {},
        Stream("hyperliquid", "BTC", "trade", is_consecutive=False, is_ordered=False),
        [
            tick(f"{NOON}1.122Z", 918906512037719, "67500", "0.015", 1),
            tick(f"{NOON}1.122Z", 118906512037720, "67499", "0.2", -1),
        ],
        3,
        {4: "side is neither B nor A ('C')"},
    ),
    "bybit_public_trades.jsonl": (
        "bybit",
        {},
        Stream("bybit_linear", "BTCUSDT", "trade", False, is_ordered=False),
        [
            tick(f"{NOON}1.122Z", 0x20F43950D8DD5B3, "67500.5", "0.001", 1),
            tick(f"{NOON}1.123Z", 0x100000000000500, "67500.4", "0.25", -1),
        ],
        3,
        {4: "v is zero ('0')"},
    ),
    "gateio_spot_trades.jsonl": (
        "gateio",
        {},
        Stream("gateio", "BTC_USDT", "trade", is_consecutive=False),
        [tick(f"{NOON}1.122457Z", 309143071, "67500.1", "0.0164", -1)],
        1,
        {3: "amount is zero ('0')"},
    ),
    "okx_trades.jsonl": (
        "okx",
        {},
        Stream("okx_linear", "BTC-USDT-SWAP", "aggTrade", is_consecutive=False),
        [
            # Contracts of 0.01 bitcoins.
            tick(f"{NOON}1.122Z", 130639474, "67500.1", "0.121", 1),
            tick(f"{NOON}1.123Z", 130639475, "67500", "0.01", -1),
        ],
        1,
        {4: "side is neither buy nor sell ('')"},
    ),
    "tardis_normalised.jsonl": (
        "tardis_normalised",
        {},
        Stream("binance_spot", "BTCUSDT", "trade"),
        [
            tick(f"{NOON}1.122Z", 900000001, "67500.01", "0.015", -1),
            tick(f"{NOON}1.123456Z", 900000002, "67500.02", "0.00001", 0),
        ],
        2,
        {4: "price is negative ('-67500.02')"},
    ),
    "binance_tardis_raw.jsonl": (
        "binance_ws",
        {},
        Stream("binance_spot", "BTCUSDT", "trade"),
        [
            tick(f"{NOON}1.122Z", 900000001, "67500.01", "0.015", -1),
            tick(f"{NOON}1.123Z", 900000002, "67500.02", "0.015", -1),
        ],
        0,
        {},
    ),
    "binance_cryptofeed_raw.jsonl": (
        "binance_ws",
        {},
        Stream("binance_spot", "BTCUSDT", "trade"),
        [
            tick(f"{NOON}1.122Z", 900000001, "67500.01", "0.015", -1),
            tick(f"{NOON}1.123Z", 900000002, "67500.02", "0.015", -1),
        ],
        0,
        {3: "line is not JSON"},
    ),
    "desk.csv": (
        "csv",
        {"exchange": "desk", "symbol": "BTCUSD", "columns": DESK},
        Stream("desk", "BTCUSD", "trade", is_consecutive=False),
        [
            tick(f"{NOON}0.25Z", 1, "67520.5", "0.1", 1),
            tick(f"{NOON}0.5Z", 2, "67520.25", "0.2", -1),
            tick(f"{NOON}1Z", 3, "67520", "0.3", 0),
        ],
        1,
        {5: "side is neither buy nor sell nor unknown ('X')"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("file", CASES)
def test_a_hand_written_file(file: str) -> None:
    name, options, stream, expected, passed_over, reasons = CASES[file]
    chunks = decode(FIXTURES / file, name, **options)
    assert [chunk.stream for chunk in chunks] == [stream]
    assert ticks(chunks) == expected
    assert skipped(chunks) == passed_over
    assert complaints(chunks) == reasons


@pytest.mark.parametrize("file", [file for file in CASES if file != "desk.csv"])
def test_is_recognised_by_its_content(file: str) -> None:
    assert detect(FIXTURES / file) == CASES[file][0]


def test_every_format_has_a_file() -> None:
    assert {case[0] for case in CASES.values()} == set(known_formats())
    assert {path.name for path in FIXTURES.iterdir()} == set(CASES)


def test_ids_of_what_is_no_market_trade_are_reported() -> None:
    """They are no ticks, and the ids after them are no gaps."""
    [chunk] = decode(FIXTURES / "binance_usdm_trade.jsonl")
    assert chunk.void_ids == [5100000002, 5100000003, 5100000005]
    [chunk] = decode(FIXTURES / "binance_usdm_trades.csv")
    assert chunk.void_ids == [4500000003]
    [chunk] = decode(FIXTURES / "binance_spot_aggtrade.jsonl")
    assert chunk.void_ids == [330000003]


def test_the_venue_is_named_on_the_command_line() -> None:
    [chunk] = decode(FIXTURES / "binance_spot_aggtrade.jsonl", exchange="spot_agg")
    assert chunk.stream == Stream("spot_agg", "BTCUSDT", "aggTrade")
