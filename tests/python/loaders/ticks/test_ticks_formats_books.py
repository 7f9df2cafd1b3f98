"""Quotes and depth, folded into windows, against a fold of plain dictionaries."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tick_formats import complaints, decode_text, skipped, ticks

from loaders.ticks.depth import DepthBook, DepthMessages, Levels

NOON = datetime(2024, 6, 1, 12, tzinfo=UTC)
FIVE = timedelta(minutes=5)
MILLISECOND = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(seconds: float) -> int:
    """Milliseconds of a moment after noon."""
    return (NOON + timedelta(seconds=seconds) - EPOCH) // MILLISECOND


def depth(seconds: float, first: int, last: int, bids: dict, asks: dict) -> str:
    event = {
        **{"e": "depthUpdate", "E": at(seconds), "s": "BTCUSDT", "U": first, "u": last},
        **{"b": list(bids.items()), "a": list(asks.items())},
    }
    return json.dumps(event, separators=(",", ":")) + "\n"


def quote(number: int, bid: str, ask: str, symbol: str = "BTCUSDT") -> str:
    return (
        f'{{"u":{number},"s":"{symbol}","b":"{bid}","B":"1.50","a":"{ask}","A":"2"}}\n'
    )


def trade(seconds: float, number: int) -> str:
    return (
        f'{{"e":"trade","E":{at(seconds)},"s":"BTCUSDT","t":{number},"p":"100","q":"1",'
        f'"T":{at(seconds)},"m":true,"M":true}}\n'
    )


def snapshot(number: int, bids: dict, asks: dict) -> str:
    book = {"bids": list(bids.items()), "asks": list(asks.items())}
    return json.dumps({"lastUpdateId": number, **book}, separators=(",", ":")) + "\n"


def books(folder: Path, *lines: str) -> dict[datetime, dict[str, Any]]:
    chunks = decode_text(folder, "".join(lines), "binance_ws")
    assert not complaints(chunks)
    return {window: book for chunk in chunks for window, book in chunk.books.items()}


def test_quotes_take_the_time_of_the_line_before_them(tmp_path: Path) -> None:
    found = books(
        tmp_path,
        quote(1, "99", "101"),
        trade(298, 1),
        quote(2, "99.5", "100.5"),
        quote(3, "99.5", "100"),
        trade(301, 2),
        quote(4, "98", "99"),
        quote(5, "0", "99.25"),
    )
    first, second = found[NOON], found[NOON + FIVE]
    assert first["quote_count"] == 3
    assert (first["best_bid"], first["best_ask"]) == ("99.5", "100")
    assert (first["best_bid_size"], first["best_ask_size"]) == ("1.5", "2")
    # 2, 1 and 0.5, by count.
    assert (first["spread_min"], first["spread_max"]) == ("0.5", "2")
    assert first["spread_mean"] == "1.16666667"
    assert first["time"] == "2024-06-01T12:04:58+00:00"
    assert first["depth"] is None
    # A side that is empty has no spread.
    assert (second["quote_count"], second["spread_mean"]) == (2, "1")
    assert second["best_bid"] == "0"


def test_quotes_without_any_event_time_take_the_receive_time(tmp_path: Path) -> None:
    nanoseconds = at(10) * 10**6
    line = f"{nanoseconds} {quote(1, '99', '101')}"
    [(window, book)] = books(tmp_path, line).items()
    assert window == NOON
    assert book["time"] == "2024-06-01T12:00:10+00:00"
    # Without either, nothing can be said.
    assert books(tmp_path, quote(1, "99", "101")) == {}


def test_quotes_of_futures_have_a_time_of_their_own(tmp_path: Path) -> None:
    """And sizes of COIN-M are contracts."""
    event = {"e": "bookTicker", "u": 1, "s": "BTCUSD_240927", "ps": "BTCUSD"}
    prices = {"b": "99", "B": "150", "a": "101", "A": "2"}
    times = {"T": at(299), "E": at(299.5)}
    late = quote(2, "98", "99", "BTCUSD_240927")
    found = books(tmp_path, json.dumps(event | prices | times) + "\n", late)
    assert found[NOON]["time"] == "2024-06-01T12:04:59.500000+00:00"
    assert found[NOON]["size_unit"] == "contracts of 100 USD"
    assert found[NOON]["quote_count"] == 2


def test_the_book_is_as_known_at_the_end_of_the_window(tmp_path: Path) -> None:
    found = books(
        tmp_path,
        snapshot(10, {"99": "1", "98": "2"}, {"101": "3", "102": "4"}),
        depth(1, 9, 11, {"98": "0", "97": "5"}, {"101": "3.5"}),
        depth(299, 12, 13, {"99.5": "1"}, {}),
        depth(301, 14, 14, {"99.5": "0"}, {"100": "7"}),
    )
    assert found[NOON]["depth"] == {
        "bids": [["99.5", "1"], ["99", "1"], ["97", "5"]],
        "asks": [["101", "3.5"], ["102", "4"]],
        "is_complete": True,
    }
    assert found[NOON]["depth_update_count"] == 3
    # No quotes: the best of the depth.
    assert (found[NOON]["best_bid"], found[NOON]["best_ask"]) == ("99.5", "101")
    assert found[NOON]["spread_mean"] is None
    assert found[NOON + FIVE]["depth"]["bids"][0] == ["99", "1"]
    assert found[NOON + FIVE]["depth"]["asks"][0] == ["100", "7"]


def test_a_gap_in_the_updates_is_owned_up_to(tmp_path: Path) -> None:
    lines = [
        snapshot(10, {"99": "1"}, {"101": "3"}),
        depth(1, 11, 12, {"98": "1"}, {}),
        depth(2, 15, 16, {"97": "1"}, {}),
    ]
    [book] = books(tmp_path, *lines).values()
    # What was known before is not known any more.
    assert book["depth"] == {"bids": [["97", "1"]], "asks": [], "is_complete": False}
    lines.append(snapshot(20, {"96": "1"}, {"101": "3"}))
    [book] = books(tmp_path, *lines).values()
    assert book["depth"]["bids"] == [["96", "1"]]
    assert book["depth"]["is_complete"]


def test_partial_depth_replaces_the_book(tmp_path: Path) -> None:
    bids = [depth(n, n, n, {str(90 + n): "1"}, {"101": "1"}).strip() for n in (1, 2)]
    lines = [f'{{"stream":"btcusdt@depth5@100ms","data":{bid}}}\n' for bid in bids]
    [book] = books(tmp_path, *lines).values()
    assert book["depth"]["bids"] == [["92", "1"]]


def test_a_damaged_event_time_moves_no_quotes(tmp_path: Path) -> None:
    damaged = trade(1.5, 2).replace(f'"E":{at(1.5)}', '"E":1817243201123')
    found = books(
        *(tmp_path, trade(1, 1), quote(1, "99", "101"), damaged),
        *(quote(2, "99", "101"), trade(2, 3), quote(3, "99", "101")),
    )
    assert {window: book["quote_count"] for window, book in found.items()} == {NOON: 3}


def test_book_lines_of_other_instruments_are_passed_over(tmp_path: Path) -> None:
    chunks = decode_text(
        tmp_path,
        trade(1, 1) + quote(1, "99", "101") + quote(1, "9", "10", "ETHUSDT"),
    )
    assert skipped(chunks) == 2
    assert chunks[0].books[NOON]["quote_count"] == 1


def test_a_snapshot_is_of_the_instrument_that_its_stream_names(tmp_path: Path) -> None:
    own, other = (
        json.dumps({"stream": f"{name}@depth20@100ms", "data": json.loads(message)})
        for name, message in (
            ("btcusdt", snapshot(7, {"99": "1"}, {})),
            ("ethusdt", snapshot(7, {"9": "1"}, {})),
        )
    )
    chunks = decode_text(tmp_path, f"{trade(1, 1)}{own}\n{other}\n")
    assert chunks[0].others == {"ETHUSDT": 1}
    assert chunks[0].books[NOON]["depth"]["bids"] == [["99", "1"]]


def test_levels_may_be_numbers_and_have_an_empty_list(tmp_path: Path) -> None:
    line = depth(1, 1, 2, {"99": "1", "98.5": "2"}, {}).replace('"1"]', '"1",[]]')
    [book] = books(tmp_path, line.replace('"98.5"', "98.5")).values()
    assert book["depth"]["bids"] == [["99", "1"], ["98.5", "2"]]


def test_trades_of_a_batch_without_quotes_move_the_clock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.lines.BATCH_LINES", 2)
    lines = [trade(1, 1), quote(1, "99", "101"), trade(2, 2), trade(301, 3)]
    found = books(tmp_path, *lines, quote(2, "99", "101"))
    assert {window: book["quote_count"] for window, book in found.items()} == {
        NOON: 1,
        NOON + FIVE: 1,
    }


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (quote(1, "101", "101"), "b is not below a"),
        (quote(1, "-1", "101"), "b is negative"),
        (quote(1, "99.123456789", "101"), "b has more than 8 decimals"),
        (depth(1, 1, 2, {"x": "1"}, {}), "b is no number"),
        (depth(1, 1, 2, {"0": "1"}, {}), "b has a level whose price is zero"),
        (depth(1, 1, 2, {}, {"9": "1"}).replace('"a"', '"c"'), "a is no list"),
        (snapshot(1, {}, {"1.1.1": "1"}), "asks is no number"),
        (depth(1, 1, 2, {}, {}).replace('"U":1', '"U":"?"'), "U is no update id"),
        (depth(1, 1, 2, {"9": "1e2"}, {}), "b is not in plain digits ('1e2')"),
        (
            depth(1, 1, 2, {"9": "1"}, {}).replace(',"1"', ""),
            "b has a level that is no",
        ),
        (depth(1, 1, 2, {}, {}).replace("BTCUSDT", ""), "s is missing"),
        (quote(1, "99", "101").replace('"A"', '"C"'), "A is missing"),
        (quote(1, "99", "101")[:-3] + "\n", "line is not JSON"),
    ],
)
def test_a_refused_book_line_says_why(
    tmp_path: Path, line: str, complaint: str
) -> None:
    chunks = decode_text(tmp_path, trade(1, 1) + line, "binance_ws")
    assert complaint in complaints(chunks)[2]
    assert len(ticks(chunks)) == 1


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.booleans(),
            st.dictionaries(st.integers(90, 99), st.integers(0, 3), max_size=4),
            st.integers(0, 2),
        ),
        max_size=30,
    )
)
def test_depth_equals_a_dictionary(
    updates: list[tuple[bool, dict[int, int], int]],
) -> None:
    """Updates in order, in batches of any size: a dictionary that is overwritten."""
    book, reference = DepthBook(), dict[int, int]()
    batch: list[tuple[int, dict[int, int]]] = []
    for number, (is_end, levels, _) in enumerate(updates, start=1):
        batch.append((number, levels))
        reference.update(levels)
        if is_end or number == len(updates):
            book.apply(messages(batch), np.ones(len(batch), dtype=np.bool_))
            batch = []
    left = {price: size for price, size in reference.items() if size}
    assert book.bids.best(100) == sorted(left.items(), reverse=True)
    assert book.asks.best(100) == sorted(left.items())
    assert book.bids.best(2) == sorted(left.items(), reverse=True)[:2]


def messages(batch: list[tuple[int, dict[int, int]]]) -> DepthMessages:
    ids = np.array([number for number, _ in batch], dtype=np.int64)
    flat = [
        (row, price, size)
        for row, (_, levels) in enumerate(batch)
        for price, size in levels.items()
    ]
    columns = np.array(flat, dtype=np.int64).reshape(-1, 3).T
    levels = Levels(*columns)
    none = np.full(len(batch), -1, dtype=np.int64)
    is_snapshot = np.zeros(len(batch), dtype=np.bool_)
    return DepthMessages(ids, ids, none, is_snapshot, levels, levels)
