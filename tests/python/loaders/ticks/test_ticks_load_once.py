"""Each trade once: replays, overlaps, any order, two precisions, workers, crashes."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from tick_loading import (
    FIRST_ID,
    OTHER_VENUE,
    VENUE,
    Database,
    Trade,
    expected,
    in_milliseconds,
    is_consistent,
    loaded,
    log_totals,
    refused,
    runs,
    slow_commits,
    start_loader,
    statuses,
    tick_csv,
    ticks,
    trade,
    trades,
)
from waiting import PATIENCE_SECONDS

pytest_plugins = ["loading_database", "tick_database"]


def test_a_replay_writes_nothing_twice(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    tick_csv(tmp_path / "a.csv", trades(450))
    loaded(tmp_path / "a.csv")
    first = ticks(ticks_db)
    assert first == expected(trades(450))
    windows = statuses(ticks_db)
    assert "0 loaded, 1 skipped (loaded before)" in loaded(tmp_path / "a.csv").output
    tick_csv(tmp_path / "copy.csv", trades(450))
    output = loaded(tmp_path / "copy.csv").output
    assert "0 loaded, 450 duplicates, 0 quarantined, 1 skipped" in output
    assert ticks(ticks_db) == first
    assert statuses(ticks_db) == windows
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 449)]
    assert log_totals(ticks_db) == (902, 450, 450, 0, 2)
    is_consistent(ticks_db)


def _overlapping(rows: list[Trade]) -> dict[str, list[Trade]]:
    return {"a": rows[:300], "b": rows[200:500], "c": rows[450:], "d": rows[250:260]}


def _interleaved(rows: list[Trade]) -> dict[str, list[Trade]]:
    return {"a": rows[::3], "b": rows[1::3], "c": rows[2::3]}


def _out_of_order(rows: list[Trade]) -> dict[str, list[Trade]]:
    # Within a minute or so: what a recording of several connections looks like.
    chance = random.Random(5)
    shuffled = sorted(rows, key=lambda r: r.source_seq + chance.uniform(0, 150))
    return {"a": shuffled, "b": rows[::-1]}


@pytest.mark.parametrize("split", [_overlapping, _interleaved, _out_of_order])
@pytest.mark.parametrize("seed", [1, 2])
def test_any_split_in_any_order_is_the_same(
    ticks_db: Database, tmp_path: Path, small_chunks: int, split: object, seed: int
) -> None:
    assert callable(split)
    rows = trades(600)
    parts = list(split(rows).items())
    random.Random(seed).shuffle(parts)
    for name, part in parts:
        loaded(tick_csv(tmp_path / f"{name}.csv", part))
        is_consistent(ticks_db)
    assert ticks(ticks_db) == expected(rows)
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 599)]


@pytest.mark.parametrize("micro_first", [True, False])
def test_milliseconds_and_microseconds_are_one_tick(
    ticks_db: Database, tmp_path: Path, small_chunks: int, micro_first: bool
) -> None:
    rows = trades(250)
    files = [
        tick_csv(tmp_path / "us.csv", rows),
        tick_csv(tmp_path / "ms.csv", in_milliseconds(rows)),
    ]
    for path in files if micro_first else reversed(files):
        loaded(path)
    stored = ticks(ticks_db)
    if micro_first:
        assert stored == expected(rows)
    assert [(s[0], *s[2:]) for s in stored] == [(e[0], *e[2:]) for e in expected(rows)]
    assert log_totals(ticks_db)[1:3] == (250, 250)


def test_repeats_within_a_file(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(150)
    repeated = [*rows[:80], *in_milliseconds(rows[40:60]), *rows[70:], *rows[10:20]]
    loaded(tick_csv(tmp_path / "a.csv", repeated))
    assert ticks(ticks_db) == expected(rows)
    assert log_totals(ticks_db)[1:3] == (150, 40)


def test_an_unknown_side_is_no_other_trade(ticks_db: Database, tmp_path: Path) -> None:
    loaded(tick_csv(tmp_path / "a.csv", trades(20)))
    unknown = [row._replace(side="") for row in trades(30)]
    loaded(tick_csv(tmp_path / "b.csv", unknown))
    assert [row[5] for row in ticks(ticks_db)] == [1, -1] * 10 + [0] * 10


def test_a_file_that_grew_brings_what_is_new(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(350))
    loaded(path)
    tick_csv(path, trades(420))
    loaded(path)
    assert ticks(ticks_db) == expected(trades(420))
    row = ticks_db.execute(
        "select last_sequence, last_ts, state - 'size' - 'etag'"
        " from ingestion.stream_offsets where source = %s",
        (path.as_uri(),),
    ).fetchone()
    state = {"format": "csv", "options": {"exchange": VENUE}, "exchange": VENUE}
    state |= {"bad_lines": 0, "is_complete": True}  # type: ignore[dict-item]
    assert row == (421, expected([trade(419)])[0][1], state)


def test_one_file_as_two_venues(ticks_db: Database, tmp_path: Path) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(20))
    loaded(path)
    loaded(path, exchange=OTHER_VENUE)
    assert ticks(ticks_db) == ticks(ticks_db, OTHER_VENUE) == expected(trades(20))


def test_workers_and_loaders_on_overlapping_files(
    ticks_db: Database, tmp_path: Path
) -> None:
    rows = trades(8000)
    for number in range(7):
        tick_csv(tmp_path / f"{number}.csv", rows[number * 1000 :][:2000])
    tick_csv(tmp_path / "again.csv", rows[::2])
    running = [
        start_loader(tmp_path, "--exchange", VENUE, "--workers", 3) for _ in range(2)
    ]
    for process in running:
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert (process.returncode, err) == (0, "")
    assert ticks(ticks_db) == expected(rows)
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 7999)]
    assert log_totals(ticks_db) == (18008, 8000, 10000, 0, 8)
    is_consistent(ticks_db)


@pytest.mark.slow
def test_kill_eight_times_then_finish(ticks_db: Database, tmp_path: Path) -> None:
    """Kill -9 at random moments leaves whole batches and their offsets."""
    rows = trades(60_000)
    tick_csv(tmp_path / "1.csv", rows[:40_000])
    tick_csv(tmp_path / "2.csv", in_milliseconds(rows[30_000:]))
    tick_csv(tmp_path / "3.csv", rows[20_000:21_000])
    chance = random.Random(11)
    command = [tmp_path, "--exchange", VENUE, "--workers", 2]
    taken = [0]
    with slow_commits(ticks_db, 0.03):
        for _ in range(8):
            process = start_loader(*command)
            _wait_until_it_takes(ticks_db, process, taken[-1])
            time.sleep(chance.uniform(0, 0.15))
            process.send_signal(signal.SIGKILL)
            process.communicate()
            is_consistent(ticks_db)
            taken.append(_lines_taken(ticks_db))
    assert len(set(taken)) > 4, taken  # they did hit different moments
    process = start_loader(*command)
    _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, err) == (0, "")
    is_consistent(ticks_db)
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 59_999)]
    without_times = [(row[0], *row[2:]) for row in ticks(ticks_db)]
    assert without_times == [(row[0], *row[2:]) for row in expected(rows)]
    assert log_totals(ticks_db)[0] == 71_003


def _lines_taken(db: Database) -> int:
    row = db.execute(
        "select coalesce(sum(rows_read), 0) from ingestion.load_log"
    ).fetchone()
    assert row is not None
    return int(row[0])


def _wait_until_it_takes(
    db: Database, process: subprocess.Popen[str], more_than: int
) -> None:
    """Wait until a loader has committed something, or has nothing left to do."""
    while process.poll() is None and _lines_taken(db) <= more_than:
        time.sleep(0.01)


def test_interrupt_keeps_whole_batches_and_says_so(
    ticks_db: Database, tmp_path: Path
) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(40_000))
    with slow_commits(ticks_db, 0.1):
        process = start_loader(path, "--exchange", VENUE)
        _wait_until_it_takes(ticks_db, process, 0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 130, err
    assert "goes on from there" in err
    assert "Traceback" not in err
    is_consistent(ticks_db)
    stored = len(ticks(ticks_db))
    assert 0 < stored < 40_000
    # Cancelled just behind its commit, a batch is stored but not counted.
    assert f"{stored:,} loaded" in out or f"{stored - 1000:,} loaded" in out
    out, _ = start_loader(path, "--exchange", VENUE).communicate(
        timeout=PATIENCE_SECONDS
    )
    assert f"{40_000 - stored:,} loaded, 0 duplicates" in out
    assert ticks(ticks_db) == expected(trades(40_000))


def test_chunks_of_another_size_resume_exactly(
    ticks_db: Database, tmp_path: Path, small_chunks: int, monkeypatch: Any
) -> None:
    """An upgrade may cut recordings differently: what straddles is known already."""
    rows = trades(950)
    path = tick_csv(tmp_path / "a.csv", [*rows[:740], trade(740, price="-1")])
    refused(path, "--max-bad-rows", 0)
    assert log_totals(ticks_db)[:3] == (700, 699, 0)
    stat = path.stat()
    path.write_text(path.read_text().replace(",-1,", f",{trade(740).price},"))
    ticks_db.execute(
        "update ingestion.stream_offsets set state = state || %s where state ? 'etag'",
        (Jsonb({"size": path.stat().st_size, "etag": str(path.stat().st_mtime_ns)}),),
    )
    assert stat.st_size != path.stat().st_size
    monkeypatch.setattr("loaders.lines.BATCH_LINES", 333)
    loaded(path)
    assert ticks(ticks_db) == expected(rows[:741])
    assert log_totals(ticks_db)[1:3] == (741, 700 - 2 * 333)
