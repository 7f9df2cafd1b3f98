"""Each row once: repeats in a file, across files, runs, workers and crashes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from loading import (
    archive,
    archive_lines,
    content,
    count,
    fill,
    fills,
    last_load,
    load,
    loaded,
    parquet,
)
from waiting import PATIENCE_SECONDS, wait_until

from loaders.objects import list_objects

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]

COMMAND = [sys.executable, "-m", "loaders.load_to_db", "fills"]


def test_loaded_objects_are_skipped_unopened(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "a.parquet", fills(5))
    loaded(path)
    stat = path.stat()
    path.write_bytes(b"\0" * stat.st_size)  # would fail, were it opened
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert "0 loaded, 1 skipped" in loaded(path).output
    assert count(loading_db, "ingestion.load_log") == 1


def test_repeat_within_a_file(loading_db: Database, tmp_path: Path) -> None:
    rows = fills(10)
    loaded(parquet(tmp_path / "a.parquet", rows + rows[3:6]))
    assert last_load(loading_db) == (13, 10, 3, 0)


def test_repeat_across_formats(loading_db: Database, tmp_path: Path) -> None:
    loaded(parquet(tmp_path / "a.parquet", fills(10)))
    loaded(archive(tmp_path / "0.lz4", archive_lines(fills(10, first=5))))
    assert last_load(loading_db) == (10, 5, 5, 0)
    assert count(loading_db) == 15


def test_dust_is_told_apart_by_user_and_order(
    loading_db: Database, tmp_path: Path
) -> None:
    dust = [
        fill(0, tid=0, oid=1),
        fill(0, tid=0, oid=2),
        fill(0, tid=0, oid=2, user="0xother"),
        fill(0, tid=0, oid=1),
    ]
    loaded(parquet(tmp_path / "a.parquet", dust))
    assert last_load(loading_db) == (4, 3, 1, 0)


def test_both_sides_of_a_trade_stay(loading_db: Database, tmp_path: Path) -> None:
    both = [fill(0, side="A"), fill(0, side="B", user="0xother")]
    loaded(parquet(tmp_path / "a.parquet", both))
    assert count(loading_db) == 2


def test_changed_object_brings_only_what_is_new(
    loading_db: Database, tmp_path: Path
) -> None:
    path = tmp_path / "a.parquet"
    loaded(parquet(path, fills(10)))
    loaded(parquet(path, fills(14)))
    assert last_load(loading_db) == (14, 4, 10, 0)
    row = loading_db.execute(
        """
        select time_from = to_timestamp((select time from hyperliquid.fills
                order by time offset 10 limit 1) / 1000.0),
            time_to = to_timestamp((select max(time) from hyperliquid.fills) / 1000.0)
        from ingestion.load_log order by load_id desc limit 1
        """
    ).fetchone()
    assert row == (True, True)
    offsets = loading_db.execute(
        "select source, last_sequence, state from ingestion.stream_offsets"
    ).fetchall()
    stat = path.stat()
    state = {"size": stat.st_size, "etag": str(stat.st_mtime_ns), "format": "parquet"}
    assert offsets == [(path.as_uri(), 14, state)]


def test_rows_point_at_their_load(loading_db: Database, tmp_path: Path) -> None:
    loaded(parquet(tmp_path / "a.parquet", fills(4)))
    loaded(parquet(tmp_path / "b.parquet", fills(7)))
    by_log = loading_db.execute(
        "select load_id, rows_loaded from ingestion.load_log order by 1"
    ).fetchall()
    by_row = loading_db.execute(
        "select load_id, count(*) from hyperliquid.fills group by 1 order by 1"
    ).fetchall()
    assert by_log == by_row


def test_small_batches_mix_direct_and_staged(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loaders.fills_parquet.CHUNK_ROWS", 10)
    monkeypatch.setattr("loaders.encoded.BATCH_ROWS", 10)
    loaded(parquet(tmp_path / "a.parquet", fills(15, first=30)))
    loaded(parquet(tmp_path / "b.parquet", fills(100)))
    assert last_load(loading_db) == (100, 85, 15, 0)
    row = loading_db.execute(
        """
        select time_from = (select to_timestamp(min(time) / 1000.0)
                from hyperliquid.fills f where f.load_id = l.load_id),
            time_to = (select to_timestamp(max(time) / 1000.0)
                from hyperliquid.fills f where f.load_id = l.load_id)
        from ingestion.load_log as l order by load_id desc limit 1
        """
    ).fetchone()
    assert row == (True, True)


def test_workers_on_objects_that_share_rows(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opposite orders of the same rows: the loads deadlock, and yet all is well."""
    monkeypatch.setattr("loaders.fills_parquet.CHUNK_ROWS", 500)
    monkeypatch.setattr("loaders.encoded.BATCH_ROWS", 500)
    rows = fills(10_000)
    shuffled = random.Random(7)
    for number in range(6):
        mixed = rows[::-1] if number % 2 else shuffled.sample(rows, len(rows))
        parquet(tmp_path / f"{number}.parquet", mixed)
    loaded(tmp_path, "--workers", 4)
    assert count(loading_db) == 10_000
    row = loading_db.execute(
        "select sum(rows_loaded), sum(rows_duplicate) from ingestion.load_log"
    ).fetchone()
    assert row == (10_000, 50_000)


def test_two_loaders_on_the_same_files(loading_db: Database, tmp_path: Path) -> None:
    for number in range(8):
        parquet(tmp_path / f"{number}.parquet", fills(2000, first=number * 2000))
    running = [
        subprocess.Popen([*COMMAND, str(tmp_path), "--workers", "2"], text=True)
        for _ in range(2)
    ]
    assert [process.wait(PATIENCE_SECONDS) for process in running] == [0, 0]
    assert count(loading_db) == 16_000
    assert count(loading_db, "ingestion.load_log") == 8


def test_kill_ten_times_then_finish(loading_db: Database, tmp_path: Path) -> None:
    """Kill -9 at random moments leaves whole objects or nothing."""
    rows = fills(60_000)
    for number in range(6):
        parquet(tmp_path / f"{number}.parquet", rows[number * 10_000 :][:10_000])
    parquet(tmp_path / "again.parquet", rows[5_000:15_000])
    chance = random.Random(11)
    for _ in range(10):
        process = subprocess.Popen([*COMMAND, str(tmp_path)], stdout=subprocess.DEVNULL)
        wait_until(lambda p=process: p.poll() is not None or is_copying(loading_db))
        time.sleep(chance.uniform(0, 0.3))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert_only_whole_objects(loading_db)
    loaded(tmp_path)
    assert_only_whole_objects(loading_db)
    assert count(loading_db) == 60_000
    assert count(loading_db, "ingestion.stream_offsets") == 7


def assert_only_whole_objects(db: Database) -> None:
    row = db.execute(
        """
        select
            (select coalesce(sum(rows_loaded), 0) from ingestion.load_log),
            (select count(*) from hyperliquid.fills),
            (select coalesce(sum(rows_read), 0) from ingestion.load_log),
            (select count(*) * 10000 from ingestion.stream_offsets)
        """
    ).fetchone()
    assert row is not None
    assert row[0] == row[1]
    assert row[2] == row[3]


def test_interrupt_rolls_back_and_says_so(loading_db: Database, tmp_path: Path) -> None:
    rows = fills(400_000)
    parquet(tmp_path / "big.parquet", rows)
    process = subprocess.Popen(
        [*COMMAND, str(tmp_path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: is_copying(loading_db), process=process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130
    assert "rolled back" in err
    assert "Traceback" not in err
    assert "0 loaded" in out
    assert count(loading_db) == 0
    assert count(loading_db, "ingestion.load_log") == 0


def is_copying(db: Database) -> bool:
    # Not pg_stat_progress_copy: TimescaleDB's own COPY does not report there.
    row = db.execute(
        "select exists (select from pg_stat_activity where state = 'active'"
        " and datname = current_database() and query ilike 'copy %from stdin%')"
    ).fetchone()
    return row == (True,)


def test_changed_while_loading_fails(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = parquet(tmp_path / "a.parquet", fills(5))
    listed = list_objects([str(path)], {".parquet": "parquet"})
    monkeypatch.setattr("loaders.load_to_db.list_objects", lambda *_: listed)
    parquet(path, fills(6))
    result = load(path)
    assert result.exit_code == 1
    assert "changed while it was being loaded" in result.output
    assert content(loading_db) == []
