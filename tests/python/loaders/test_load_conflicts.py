"""Rows that come again under their key with other values: kept aside, or replaced."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest
import yaml
from loading import (
    START,
    archive,
    archive_lines,
    content,
    count,
    fill,
    fills,
    last_load,
    loaded,
    parquet,
)

from loaders.fills import FILLS
from pgio.connection import PROJECT_DIR

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

BLOCK_TYPES = {"block_number": pa.int64(), "event_index": pa.int64()}


def conflicts(db: Database) -> tuple[int, int]:
    """Rows that the last load found to differ, and stored rows that it changed."""
    row = db.execute(
        "select rows_conflicting, rows_replaced from ingestion.load_log"
        " order by load_id desc limit 1"
    ).fetchone()
    assert row is not None
    return row


def quarantined(db: Database) -> list[tuple[Any, ...]]:
    return db.execute(
        "select row_number, reason, raw from ingestion.quarantine order by 1, 2"
    ).fetchall()


def test_keys_are_those_of_the_table() -> None:
    path = PROJECT_DIR / "models/sources/_hyperliquid__sources.yml"
    [source] = yaml.safe_load(path.read_text())["sources"]
    table = next(each for each in source["tables"] if each["name"] == "fills")
    declared = table["config"]["meta"]["timescale"]["unique_keys"]
    assert {tuple(each["columns"]): each["where"] for each in declared} == {
        columns: predicate.replace("{0}.", "")
        for columns, predicate in FILLS.keys.items()
    }


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"closedPnl": "2.50"}, "closed_pnl (stored 0.0, here 2.50)"),
        ({"user": "0xOther"}, "user_address (stored 0xabab, here 0xother)"),
        (
            {"px": "1", "crossed": True},
            "px (stored 60001.5, here 1), crossed (stored f, here t)",
        ),
        ({"dir": "Close Short"}, "dir (stored Open Long, here Close Short)"),
    ],
)
@pytest.mark.parametrize("form", ["parquet", "archive"])
def test_a_row_with_other_values_is_kept_aside(
    loading_db: Database,
    tmp_path: Path,
    form: str,
    change: dict[str, Any],
    reason: str,
) -> None:
    rows = [fill(n, user="0xabab") for n in range(4)]
    loaded(parquet(tmp_path / "a.parquet", rows))
    before = content(loading_db)
    rows[1] |= change
    again = [fill(9, px="bad"), *rows]
    if form == "parquet":
        path = parquet(tmp_path / "b.parquet", again)
    else:
        path = archive(tmp_path / "b.lz4", archive_lines(again))
    result = loaded(path, "--max-bad-rows", 1)
    assert "0 loaded, 3 duplicates, 2 quarantined" in result.output
    assert "1 rows differ from the stored rows" in result.output
    assert "--replace" in result.output
    assert content(loading_db) == before
    assert last_load(loading_db) == (5, 0, 3, 2)
    assert conflicts(loading_db) == (1, 0)
    _, (number, said, raw) = quarantined(loading_db)
    assert (number, said) == (3, f"differs from the stored row: {reason}")
    assert raw["tid"] == 500_001


def test_a_dust_conversion_is_compared_by_its_key(
    loading_db: Database, tmp_path: Path
) -> None:
    dust = [fill(0, tid=0, oid=oid, user=user) for oid in (1, 2) for user in "ab"]
    loaded(parquet(tmp_path / "a.parquet", dust))
    dust[2]["sz"] = "0.5"
    loaded(parquet(tmp_path / "b.parquet", dust))
    [(number, reason, _)] = quarantined(loading_db)
    assert number == 3
    assert reason == "differs from the stored row: sz (stored 0.001, here 0.5)"
    assert last_load(loading_db) == (4, 0, 3, 1)


def test_a_key_twice_in_a_file(loading_db: Database, tmp_path: Path) -> None:
    rows = [fill(0), fill(0, fee="3"), fill(0), fill(1)]
    path = parquet(tmp_path / "a.parquet", rows)
    loaded(path)
    assert last_load(loading_db) == (4, 2, 1, 1)
    assert [row[:2] for row in quarantined(loading_db)] == [
        (2, "differs from the stored row: fee (stored -0.000001, here 3)")
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"block_number": 7, "event_index": 3, "hash": "0xa"}, {}),
        ({}, {"block_number": 7, "event_index": 3, "priorityGas": "0.1"}),
        ({"px": "1.0", "sz": "2"}, {"px": "1.00", "sz": "2.0"}),
        ({"closedPnl": None}, {}),
        ({}, {"closedPnl": None, "fee": None, "crossed": None}),
        ({"liquidation": '{"method": "m", "markPx": null}'}, {}),
        (
            {"liquidation": '{"method": "m", "markPx": null}'},
            {"liquidation": '{"method":"m"}'},
        ),
        (
            {"block_time": "2025-09-01T00:00:00.123456"},
            {"block_time": "2025-09-01T00:00:00.123"},
        ),
        ({"user": "0xAB"}, {"user": " 0xab"}),
    ],
)
def test_what_is_no_difference(
    loading_db: Database,
    tmp_path: Path,
    first: dict[str, Any],
    second: dict[str, Any],
) -> None:
    types = BLOCK_TYPES | {"liquidation": pa.string(), "block_time": pa.string()}
    loaded(parquet(tmp_path / "0.parquet", [fill(9), fill(0, **first)], types))
    loaded(parquet(tmp_path / "1.parquet", [fill(0, **second)], types))
    assert last_load(loading_db) == (1, 0, 1, 0)
    assert conflicts(loading_db) == (0, 0)


def test_an_answer_of_the_api_after_the_archive_is_no_difference(
    loading_db: Database, tmp_path: Path
) -> None:
    rows = [fill(0, tid=500_000 + n) for n in range(3)]
    loaded(archive(tmp_path / "7.lz4", archive_lines(rows)))
    loaded(parquet(tmp_path / "a.parquet", rows[::-1]))
    assert last_load(loading_db) == (3, 0, 3, 0)
    assert conflicts(loading_db) == (0, 0)


def test_replace_stores_the_newer(loading_db: Database, tmp_path: Path) -> None:
    rows = fills(6)
    loaded(parquet(tmp_path / "old.parquet", rows))
    rows[1] |= {"closedPnl": "7", "fee": "1"}
    rows[4] |= {"px": "9"}
    rows[5] |= {"closedPnl": None}  # says less: nothing to replace
    path = parquet(tmp_path / "new.parquet", [fill(6), *rows])
    loaded(path)
    assert conflicts(loading_db) == (2, 0)
    loading_db.execute("truncate ingestion.quarantine")

    result = loaded(path, "--replace", "--workers", 3)
    assert "1 loaded, 0 skipped" in result.output
    assert "2 stored rows" in result.output
    assert last_load(loading_db) == (7, 2, 5, 0)
    assert conflicts(loading_db) == (2, 2)
    found = loading_db.execute(
        "select tid - 500000, closed_pnl::text, fee::text, px::text, event_index"
        " from hyperliquid.fills where load_id = (select max(load_id)"
        " from ingestion.load_log) order by 1"
    ).fetchall()
    # The place stays that of the file that was loaded first.
    assert found == [(1, "7", "1", "60001.5", 2), (4, "0.0", "-0.000001", "9", 5)]
    assert count(loading_db) == 7
    row = loading_db.execute(
        "select time_from = to_timestamp(%s / 1000.0), time_to = to_timestamp(%s /"
        " 1000.0) from ingestion.load_log order by load_id desc limit 1",
        (START + 1000, START + 4000),
    ).fetchone()
    assert row == (True, True)
    (number, reason, raw), (other, _, _) = quarantined(loading_db)
    assert (number, other) == (3, 6)
    assert reason == (
        "was replaced: closed_pnl (stored 0.0, here 7), fee (stored -0.000001, here 1)"
    )
    assert raw["closed_pnl"] == 0
    assert raw["tid"] == 500_001

    loaded(path, "--replace")
    assert last_load(loading_db) == (7, 0, 7, 0)
    assert conflicts(loading_db) == (0, 0)


def test_replace_fills_in_what_was_unknown(
    loading_db: Database, tmp_path: Path
) -> None:
    """Blocks from the archive after Parquet; nothing that is known gets lost."""
    rows = [fill(0, tid=500_000 + n, feeToken="HYPE") for n in range(3)]
    loaded(parquet(tmp_path / "a.parquet", rows))
    rows = [
        {k: v for k, v in row.items() if k != "feeToken"} | {"priorityGas": "0.5"}
        for row in rows
    ]
    hour = archive(tmp_path / "7.lz4", archive_lines(rows[::-1]))
    loaded(hour, "--replace")
    assert last_load(loading_db) == (3, 3, 0, 0)
    assert conflicts(loading_db) == (0, 3)
    found = loading_db.execute(
        "select tid - 500000, block_number, event_index, fee_token, priority_gas::text"
        " from hyperliquid.fills order by 1"
    ).fetchall()
    assert found == [(n, 700_000_000, 2 - n, "HYPE", "0.5") for n in range(3)]
    assert quarantined(loading_db) == []


def test_a_place_in_its_block_is_corrected(
    loading_db: Database, tmp_path: Path
) -> None:
    """Earlier releases began anew at each line of a block."""
    rows = [fill(0, tid=500_000 + n) for n in range(2)]
    hour = archive(tmp_path / "7.lz4", archive_lines(rows))
    loaded(hour)
    loading_db.execute("update hyperliquid.fills set event_index = 0")
    loaded(hour, "--replace")
    [(_, reason, _)] = quarantined(loading_db)
    assert reason == "was replaced: event_index (stored 0, here 1)"
    places = loading_db.execute(
        "select event_index from hyperliquid.fills order by tid"
    )
    assert places.fetchall() == [(0,), (1,)]


def test_the_trader_and_the_order_of_a_row_are_never_replaced(
    loading_db: Database, tmp_path: Path
) -> None:
    loaded(parquet(tmp_path / "a.parquet", fills(2)))
    before = content(loading_db)
    other = [fill(0, user="0xother", fee="9"), fill(1, oid=7)]
    loaded(parquet(tmp_path / "b.parquet", other), "--replace")
    assert content(loading_db) == before
    assert last_load(loading_db) == (2, 0, 0, 2)
    assert conflicts(loading_db) == (2, 0)
    for _, reason, _ in quarantined(loading_db):
        assert reason.endswith("; what belongs to a key is not replaced")


def test_rows_in_a_columnstore_are_replaced(
    loading_db: Database, edition: str, tmp_path: Path
) -> None:
    """More of them than the server unpacks for a statement unless it is told."""
    rows = [fill(n % 500, tid=n + 1, user=f"0x{n % 7}") for n in range(120_000)]
    loaded(parquet(tmp_path / "a.parquet", rows))
    if edition == "community":
        loading_db.execute(
            "select compress_chunk(c) from show_chunks('hyperliquid.fills') as c"
        )
    for row in rows[::400]:
        row["closedPnl"] = "5"
    path = parquet(tmp_path / "b.parquet", rows)
    loaded(path)
    assert conflicts(loading_db) == (300, 0)
    loaded(path, "--replace")
    assert conflicts(loading_db) == (300, 300)
    assert count(loading_db) == 120_000
    row = loading_db.execute(
        "select count(*), count(distinct user_address) from hyperliquid.fills"
        " where closed_pnl = 5"
    ).fetchone()
    assert row == (300, 7)


def test_the_last_of_several_objects_wins(loading_db: Database, tmp_path: Path) -> None:
    for hour in range(12):
        parquet(tmp_path / f"{hour}.parquet", [fill(0, fee=str(hour)), fill(hour + 1)])
    loaded(tmp_path, "--replace", "--workers", 4)
    row = loading_db.execute("select max(fee) from hyperliquid.fills").fetchone()
    assert row == (11,)


def test_an_answer_loaded_for_another_user_is_read_again(
    loading_db: Database, tmp_path: Path
) -> None:
    users = ["0x" + digit * 40 for digit in "ab"]
    row = {name: value for name, value in fill().items() if name != "user"}
    path = parquet(tmp_path / "a.parquet", [row])
    loaded(path, "--user", users[0])
    assert "0 loaded, 1 skipped" in loaded(path, "--user", users[0]).output
    assert "1 loaded, 0 skipped" in loaded(path, "--user", users[1]).output
    assert conflicts(loading_db) == (1, 0)
