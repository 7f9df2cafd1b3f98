"""Candles without holes, for charts: the function of any width, and the minute view."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from candle_project import (
    EPOCH,
    ORIGIN,
    START,
    CandleProject,
    Candles,
    candle_project,
    recomputed,
    tape,
)
from tick_loading import OTHER_VENUE, VENUE

HOUR = timedelta(hours=1)
LAST = START + 3 * HOUR
# Widths made of each level, and where the range begins and ends about the tape.
WIDTHS = {
    "300 milliseconds": timedelta(milliseconds=300),
    "1 second": timedelta(seconds=1),
    "90 seconds": timedelta(seconds=90),
    "1 minute": timedelta(minutes=1),
    "7 minutes": timedelta(minutes=7),
    "5 minutes": timedelta(minutes=5),
    "1 hour": timedelta(hours=1),
}
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def project(
    make_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[CandleProject]:
    """Some minutes of trades, nothing for three hours, and some minutes again."""
    folder = tmp_path_factory.mktemp("candles_filled")
    with candle_project(folder, make_database()) as made:
        made.load_trades(tape(500, seed=1))
        made.load_trades(tape(400, seed=2, start=LAST, first_id=50_000))
        made.load_trades(tape(100, seed=3, start=START + HOUR), OTHER_VENUE)
        kinds = [
            part for kind in ("model", "function") for part in ("--resource-type", kind)
        ]
        made.run(
            "--select", "rollups", "marts", "candles_filled", *kinds, command="build"
        )
        yield made


def filled(candles: Candles, width: timedelta, venue: str) -> list[Row]:
    """Fill candles by the definition: bucket by bucket, the last close carried."""
    own = {
        bucket: candle for (bucket, name), candle in candles.items() if name == venue
    }
    rows: list[Row] = []
    bucket = min(own)
    while bucket <= max(own):
        found = own.get(bucket)
        if found is not None:
            close = found[3]
            rows.append((bucket, venue, *found[:7], False))
        else:
            rows.append((bucket, venue, *[close] * 4, 0, None, 0, True))
        bucket += width
    return rows


def asked(
    project: CandleProject, width: str, start: datetime, end: datetime, venue: str
) -> list[Row]:
    rows = project.query(
        "select * from market_data.candles_filled("
        f"'{width}', '{start}', '{end}', '{venue}')"
    )
    return [(row[0].astimezone(UTC), *row[1:]) for row in rows]


def test_every_width_and_range(project: CandleProject) -> None:
    ticks = project.query(
        "select ts, exchange, source_seq, price, volume, side"
        " from market_data.btc_ticks"
    )
    seconds = timedelta(seconds=1)
    ranges = [
        (START - HOUR, LAST + 2 * HOUR),
        (START + 17 * seconds, START + 61.234 * seconds),
        # In the pause, whose first close lies hours back.
        (LAST - 100 * seconds, LAST - 40 * seconds),
        (LAST - 10 * seconds, LAST + 10 * seconds),
        (START - HOUR, START - 600 * seconds),
        (LAST + HOUR, LAST + 2 * HOUR),
    ]
    for text, width in WIDTHS.items():
        everything = filled(recomputed(ticks, width), width, VENUE)
        for start, end in ranges:
            if end - start > HOUR and width < timedelta(seconds=60):
                continue
            first = start - (start - ORIGIN) % width
            expected = [row for row in everything if first <= row[0] < end]
            assert asked(project, text, start, end, VENUE) == expected, (text, start)
    assert asked(project, "1 minute", START, LAST, "nowhere") == []


@pytest.mark.parametrize("width", ["150 milliseconds", "50 milliseconds"])
def test_a_width_that_no_candles_make_is_refused(
    project: CandleProject, width: str
) -> None:
    with pytest.raises(psycopg.Error, match=r"is no whole number of 100 ms"):
        asked(project, width, START, LAST, VENUE)


def test_the_view_has_each_minute_of_each_venue(project: CandleProject) -> None:
    rows = project.query(
        "select * from market_data.btc_ohlcv_1m_filled order by exchange, bucket"
    )
    by_function = [
        row
        for venue in (VENUE, OTHER_VENUE)
        for row in asked(project, "1 minute", EPOCH, LAST + HOUR, venue)
    ]
    assert [(row[0].astimezone(UTC), *row[1:]) for row in rows] == by_function
    assert sum(row[-1] for row in by_function) > 150


def test_a_range_is_all_that_is_read(project: CandleProject) -> None:
    [(plan,)] = project.query(
        "explain (analyze, format json) select * from market_data.candles_filled("
        f"'1 second', '{LAST}', '{LAST + timedelta(seconds=9)}', '{VENUE}')"
    )
    plan = plan if isinstance(plan, list) else json.loads(plan)
    scans = [
        node
        for node in _nodes(plan[0]["Plan"])
        if node["Node Type"].endswith("Scan")
        and node.get("Relation Name", "").startswith(("btc_", "_hyper"))
        and node["Actual Loops"] > 0
    ]
    assert scans
    for node in scans:
        # A window of five minutes of seconds, or a candle of five minutes.
        read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
        assert read <= 300, node


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(n for child in node.get("Plans", ()) for n in _nodes(child))]
