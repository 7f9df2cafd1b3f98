"""The scoreboard's own parts: a day cut in two, tables of results, choosing servers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import psycopg
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from conftest import Database
from loading import fill, parquet

from benchmarks import disk, tables
from benchmarks.late_fills import HOUR_MS, hold_back, split_last_hour
from benchmarks.scoreboard import figure
from benchmarks.server_memory import ServerMemory
from benchmarks.servers import find_servers
from benchmarks.sizes import table_sizes

NOON = 1_756_728_000_000  # 2025-09-01 12:00 UTC, ms
USERS = ["0x" + digit * 40 for digit in "cab"]


def test_a_day_is_cut_into_what_came_in_time_and_late(tmp_path: Path) -> None:
    hours = (NOON - 1, NOON, NOON + HOUR_MS - 1, NOON + HOUR_MS)
    rows = [
        fill(number, time=time, user=user, coin=coin)
        for number, (time, user, coin) in enumerate(
            (time, user, coin)
            for time in hours
            for user in USERS
            for coin in ("BTC", "ETH")
        )
    ]
    day = parquet(tmp_path / "day.parquet", rows)
    in_time, late = tmp_path / "in_time.parquet", tmp_path / "late.parquet"
    assert hold_back(day, in_time, late, keys=3) == 6
    held = pq.read_table(late).to_pylist()
    # The first three pairs by address, in that hour alone.
    assert {(row["user"], row["coin"]) for row in held} == {
        (USERS[1], "BTC"),
        (USERS[1], "ETH"),
        (USERS[2], "BTC"),
    }
    assert {row["time"] for row in held} == set(hours[1:3])
    both = held + pq.read_table(in_time).to_pylist()
    assert sorted(row["oid"] for row in both) == [row["oid"] for row in rows]


def test_a_day_is_cut_before_its_last_hour(tmp_path: Path) -> None:
    times = (NOON - 1, NOON + HOUR_MS - 1, NOON + HOUR_MS, NOON + HOUR_MS + 9)
    rows = [fill(number, time=time) for number, time in enumerate(times)]
    day = parquet(tmp_path / "day.parquet", rows)
    before, last = tmp_path / "before.parquet", tmp_path / "last.parquet"
    split_last_hour(day, before, last)
    assert pq.read_table(before)["time"].to_pylist() == list(times[:2])
    assert pq.read_table(last)["time"].to_pylist() == list(times[2:])


def test_two_results_stand_side_by_side() -> None:
    old: dict[str, Any] = {**figure("load", 100.0, "rows/s", "COPY", 200.0)}
    old.pop("server")  # as files were before there were several servers
    new = {**figure("load", 150.0, "rows/s", "COPY", 200.0), "server": "embedded"}
    other = {**figure("fold", 7.0, "fills/s"), "server": "embedded"}
    lines = tables.comparison([old], [new, other]).splitlines()  # type: ignore[list-item]
    assert lines[2] == (
        "| `load` | embedded | 100 rows/s | 150 rows/s | 1.50 | 0.50 → 0.75 |"
    )
    assert lines[3] == "| `fold` | embedded |  | 7 fills/s | – | – → – |"


def test_a_file_of_before_there_were_several_servers_is_printed(tmp_path: Path) -> None:
    old: dict[str, Any] = {**figure("load", 100.0, "rows/s", "COPY", 200.0)}
    del old["server"], old["runs"]
    path = tmp_path / "old.json"
    path.write_text(json.dumps({"machine": {"cores": 2}, "figures": [old]}))
    result = CliRunner().invoke(tables.main, [str(path)])
    assert result.output.splitlines()[0] == "- cores 2"
    assert "| `load` |  | 100 rows/s | COPY | 200 | 0.50 |  |" in result.output


def test_runs_of_several_sizes_share_their_tables(tmp_path: Path) -> None:
    files = [_run(tmp_path, fills) for fills in (10_000_000, 1_000_000)]
    result = CliRunner().invoke(tables.main, files)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "| step | 1 M fills, embedded | 10 M fills, embedded |"
    assert lines[2] == (
        "| build in full | 1.0 s, 2 MB + server 3 MB | 10.0 s, 2 MB + server 3 MB |"
    )
    assert "| `large` | 0.5 | 5.0 |" in lines
    assert "| `small` |  | 0.2 |" in lines
    assert "| all else | 0.0 | 0.0 |" in lines
    assert lines[-1] == "| `a.t` | 1,000,000 rows, 4 MB | 10,000,000 rows, 4 MB |"


def _run(folder: Path, fills: int) -> str:
    times = fills / 1_000_000
    step = {
        "name": tables.FULL_BUILD,
        "seconds": times,
        "peak_mb": 2.0,
        "server_mb": 3.0,
        "nodes": {"large": 0.5 * times, "small": 0.02 * times},
        "failed": None,
    }
    run = {
        "server": "embedded",
        "fills": fills,
        "steps": [step],
        "tables": [{"name": "a.t", "rows": fills, "megabytes": 4.0}],
    }
    path = folder / f"{fills}.json"
    path.write_text(json.dumps(run))
    return str(path)


def test_a_server_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(click.UsageError, match="no server oracle here: e"):
        find_servers("oracle")


@pytest.mark.any_server
def test_a_run_that_the_disk_has_no_room_for_is_refused(
    database: Database, tmp_path: Path
) -> None:
    disk.check_space(database.conninfo, tmp_path, 1, has_tape=True)
    with pytest.raises(click.ClickException, match="GiB are free"):
        disk.check_space(database.conninfo, tmp_path, 10**12, has_tape=False)


@pytest.mark.any_server
def test_the_memory_of_the_server_is_what_a_query_takes(database: Database) -> None:
    with psycopg.connect(**database.conninfo, autocommit=True) as conn:
        conn.execute("set work_mem = '1GB'")
        with ServerMemory(conn) as idle:
            conn.execute("select pg_sleep(1)")
        with ServerMemory(conn) as busy:
            # Some 200 MB, sorted in memory.
            conn.execute(
                "select sum(length(t)) from (select i || repeat('x', 100) as t from"
                " generate_series(1, 1500000) as i order by t offset 0) as s"
            )
    assert idle.peak_mb is not None
    assert busy.peak_mb is not None
    assert busy.peak_mb > idle.peak_mb + 100


def test_sizes_hold_chunks_and_leave_empty_tables_out(
    database: Database, edition: str
) -> None:
    with psycopg.connect(**database.conninfo, autocommit=True) as conn:
        conn.execute("create schema here")
        conn.execute("create table here.nothing (i int)")
        conn.execute("create table here.rows (at bigint not null, t text)")
        if edition != "postgres":
            conn.execute(
                "select create_hypertable('here.rows', by_range('at', 1000::bigint))"
            )
        conn.execute(
            "insert into here.rows"
            " select i, repeat('x', 1000) from generate_series(1, 5000) as i"
        )
        [found] = table_sizes(conn, ["here"])
    assert (found["name"], found["rows"]) == ("here.rows", 5000)
    assert 5 < found["megabytes"] < 8
