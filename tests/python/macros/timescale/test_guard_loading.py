"""Rows older than what a table keeps go to quarantine, not into a half-empty bucket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loading import (
    START,
    archive,
    archive_lines,
    count,
    fills,
    last_load,
    loaded,
    parquet,
)
from loading import load as load_objects

pytest_plugins = ["loading_database"]


@pytest.fixture
def db(loading_db: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Raw tables that have dropped the first five of `fills`, one a second."""
    loading_db.execute(
        "insert into ops.retention_marks (relation, dropped_before)"
        " values ('hyperliquid.fills', to_timestamp(%s / 1000.0))",
        (START + 5000,),
    )
    yield loading_db
    loading_db.execute("truncate ops.retention_marks")


@pytest.mark.parametrize("form", ["parquet", "archive"])
def test_late_rows_are_set_aside(
    db: psycopg.Connection[Any], tmp_path: Path, form: str
) -> None:
    if form == "parquet":
        parquet(tmp_path / "a.parquet", fills(20))
    else:
        archive(tmp_path / "a.lz4", archive_lines(fills(20)))
    loaded(tmp_path, "--max-bad-rows", 0)
    assert last_load(db) == (20, 15, 0, 5)
    assert db.execute("select min(time) from hyperliquid.fills").fetchone() == (
        START + 5000,
    )
    rows = db.execute(
        "select row_number, reason from ingestion.quarantine order by row_number"
    ).fetchall()
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5]
    assert rows[0][1] == (
        f"time: is older than what is kept, from 2025-09-01T00:00:05+00:00 on ({START})"
    )


def test_late_rows_do_not_hide_bad_ones(
    db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    rows = fills(20)
    rows[0]["px"] = "-1"
    parquet(tmp_path / "a.parquet", rows)
    result = load_objects(tmp_path, "--max-bad-rows", 0)
    assert result.exit_code != 0
    assert "1 of 20 rows are bad" in result.output
    assert "px: is negative" in result.output
    assert count(db) == 0


def test_a_mark_between_two_milliseconds_rounds_up(
    db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    db.execute(
        "update ops.retention_marks set dropped_before = dropped_before + '1 us'"
    )
    parquet(tmp_path / "a.parquet", fills(20))
    loaded(tmp_path)
    assert last_load(db) == (20, 14, 0, 6)


def test_an_object_loaded_again_does_not_bring_dropped_rows_back(
    db: psycopg.Connection[Any], tmp_path: Path
) -> None:
    db.execute("truncate ops.retention_marks")
    parquet(tmp_path / "a.parquet", fills(20))
    loaded(tmp_path)
    db.execute("delete from hyperliquid.fills where time < %s", (START + 5000,))
    db.execute(
        "insert into ops.retention_marks (relation, dropped_before)"
        " values ('hyperliquid.fills', to_timestamp(%s / 1000.0))",
        (START + 5000,),
    )
    parquet(tmp_path / "a.parquet", fills(21))
    loaded(tmp_path)
    assert last_load(db) == (21, 1, 15, 5)
    assert count(db) == 16


@pytest.fixture
def by_hand(loading_db: psycopg.Connection[Any]) -> Iterator[psycopg.Connection[Any]]:
    """Raw tables without a mark."""
    yield loading_db
    loading_db.execute("truncate ingestion.applied_loads")


def take_in(db: psycopg.Connection[Any]) -> None:
    """Say that a rollup contains all loads."""
    db.execute(
        "insert into ingestion.applied_loads (consumer, load_id)"
        " select 'analytics.probe', load_id from ingestion.load_log"
    )


@pytest.mark.parametrize(
    ("dropped", "load"), [(5000, (21, 1, 15, 5)), (20_000, (21, 1, 0, 20))]
)
def test_rows_dropped_by_hand_do_not_come_back(
    by_hand: psycopg.Connection[Any],
    tmp_path: Path,
    dropped: int,
    load: tuple[int, ...],
) -> None:
    parquet(tmp_path / "a.parquet", fills(20))
    loaded(tmp_path)
    take_in(by_hand)
    by_hand.execute("delete from hyperliquid.fills where time < %s", (START + dropped,))
    parquet(tmp_path / "a.parquet", fills(21))
    loaded(tmp_path)
    assert last_load(by_hand) == load
    [(reason,)] = by_hand.execute(
        "select distinct split_part(reason, ',', 1) from ingestion.quarantine"
    ).fetchall()
    assert reason == "time: is older than what is kept"


def test_rows_that_nothing_was_made_of_may_be_loaded_again(
    by_hand: psycopg.Connection[Any], tmp_path: Path
) -> None:
    parquet(tmp_path / "a.parquet", fills(20))
    loaded(tmp_path)
    by_hand.execute("delete from hyperliquid.fills where time < %s", (START + 5000,))
    parquet(tmp_path / "a.parquet", fills(21))
    loaded(tmp_path)
    assert last_load(by_hand) == (21, 6, 15, 0)
