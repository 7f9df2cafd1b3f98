"""The real recordings, against a loop over parsed lines; skipped where they are not."""

from __future__ import annotations

import gzip
import json
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tick_formats import EPOCH, RECORDINGS, complaints, decode, ticks

FIVE = timedelta(minutes=5)
MILLISECOND = timedelta(milliseconds=1)

FIRST = "btcusdt_ws_20240808.gz"

needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason=f"no recordings in {RECORDINGS}"
)


@needs_recordings
@pytest.mark.parametrize(
    ("file", "count", "first", "last"),
    [
        (FIRST, 9757, 3735683259, 3735693015),
        ("btcusdt_ws_20240809.gz", 10147, 3735693016, 3735703162),
    ],
)
def test_the_recordings_give_what_a_plain_reading_gives(
    file: str, count: int, first: int, last: int
) -> None:
    chunks = decode(RECORDINGS / file)
    found = ticks(chunks)
    assert not complaints(chunks)
    assert len(found) == count
    assert [found[0].source_seq, found[-1].source_seq] == [first, last]
    plain, windows = plainly(RECORDINGS / file)
    assert [tick[:5] for tick in found] == plain
    folded = {w: book for chunk in chunks for w, book in chunk.books.items()}
    assert folded.keys() == windows.keys()
    for window, expected in windows.items():
        book = folded[window]
        # The first file has a snapshot near its beginning, the second has none.
        assert book["depth"].pop("is_complete") == (file == FIRST)
        assert {name: book[name] for name in expected} == expected, window


def plainly(file: Path) -> tuple[list[tuple], dict[datetime, dict[str, Any]]]:
    """Ticks and books by a loop over parsed lines."""
    found: list[tuple] = []
    windows: dict[datetime, dict[str, Any]] = {}
    levels: dict[str, dict[Decimal, tuple[int, Decimal]]] = {"b": {}, "a": {}}
    spreads: dict[datetime, list[Decimal]] = {}
    clock: datetime | None = None
    depth_window: datetime | None = None
    early: list[dict[str, Any]] = []
    with gzip.open(file, "rt") as lines:
        for line in lines:
            message = json.loads(line.partition(" ")[2])
            event = message.get("data", message)
            if "E" in event:
                clock = EPOCH + event["E"] * MILLISECOND
                for waiting in early:
                    note_quote(windows, spreads, clock, waiting)
                early.clear()
            if event.get("e") == "trade":
                traded = EPOCH + event["T"] * MILLISECOND
                price, size = Decimal(event["p"]), Decimal(event["q"])
                found.append((traded, event["t"], price, size, 1 - 2 * event["m"]))
            elif event.get("e") == "depthUpdate":
                window = clock - (clock - EPOCH) % FIVE
                if depth_window not in (None, window):
                    windows[depth_window]["depth"] = best(levels)
                depth_window = window
                book = windows.setdefault(window, {})
                book["depth_update_count"] = book.get("depth_update_count", 0) + 1
                for side in levels:
                    for price, size in event[side]:
                        levels[side][Decimal(price)] = (event["u"], Decimal(size))
            elif "lastUpdateId" in event:
                # It has no time of its own, and counts as an update of its window.
                windows[clock - (clock - EPOCH) % FIVE]["depth_update_count"] += 1
                number = event["lastUpdateId"]
                for side, name in (("b", "bids"), ("a", "asks")):
                    newer = {p: v for p, v in levels[side].items() if v[0] > number}
                    whole = {Decimal(p): (number, Decimal(s)) for p, s in event[name]}
                    levels[side] = {**whole, **newer}
            elif clock is None:
                early.append(event)
            else:
                note_quote(windows, spreads, clock, event)
    windows[depth_window]["depth"] = best(levels)
    for window, values in spreads.items():
        windows[window]["spread_min"] = plain_text(min(values))
        windows[window]["spread_max"] = plain_text(max(values))
        mean = (sum(values) / len(values)).quantize(Decimal("0.00000001"))
        windows[window]["spread_mean"] = plain_text(mean)
    return found, windows


def note_quote(windows: dict, spreads: dict, clock: datetime, event: dict) -> None:
    window = clock - (clock - EPOCH) % FIVE
    book = windows.setdefault(window, {})
    book["quote_count"] = book.get("quote_count", 0) + 1
    book["best_bid"] = plain_text(Decimal(event["b"]))
    book["best_ask"] = plain_text(Decimal(event["a"]))
    book["best_bid_size"] = plain_text(Decimal(event["B"]))
    book["best_ask_size"] = plain_text(Decimal(event["A"]))
    spreads.setdefault(window, []).append(Decimal(event["a"]) - Decimal(event["b"]))


def best(levels: dict[str, dict[Decimal, tuple[int, Decimal]]]) -> dict[str, Any]:
    found = {}
    for side, name in (("b", "bids"), ("a", "asks")):
        left = [(price, size) for price, (_, size) in levels[side].items() if size]
        left.sort(reverse=side == "b")
        found[name] = [[plain_text(p), plain_text(s)] for p, s in left[:20]]
    return found


def plain_text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
