"""The scoreboard's own parts: a day cut in two, tables of results, choosing servers."""

from __future__ import annotations

from pathlib import Path

import click
import psycopg
import pyarrow.parquet as pq
import pytest
from conftest import Database
from loading import fill, parquet

from benchmarks.scale import FULL_BUILD, scale_tables
from benchmarks.scoreboard import Results, figure, report
from benchmarks.server_memory import ServerMemory
from benchmarks.servers import find_servers
from benchmarks.sizes import table_sizes
from benchmarks.tapes import HOUR_MS, hold_back, split_last_hour

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


def test_figures_are_printed_beside_their_peers() -> None:
    embedded = {"versions": {"postgresql": "18.4"}, "settings": {"fsync": "on"}}
    machine = {"cpu": "A", "cores": 2, "memory_gib": 24, "system": "L", "versions": {}}
    load = figure("load", 150.0, "rows/s", "COPY", 200.0, runs=3)
    load["server"] = "embedded"
    printed = report(
        Results(
            machine={**machine, "servers": {"embedded": embedded}},
            figures=[load, figure("fold", 7000.4, "fills/s")],
        )
    ).splitlines()
    assert printed[0] == "- A, 2 cores, 24 GiB, L"
    assert printed[2] == "- embedded: postgresql 18.4; fsync on"
    assert [line.replace(" ", "") for line in printed[-2:]] == [
        "|`load`|embedded|150rows/s|COPY|200|0.75|3|",
        "|`fold`||7,000fills/s|||||",
    ]
    assert len({len(line) for line in printed[-4:]}) == 1


def test_a_run_is_printed_by_step_model_and_table() -> None:
    step = {
        "name": FULL_BUILD,
        "seconds": 10.0,
        "peak_mb": 2.0,
        "server_mb": 3.0,
        "nodes": {"large": 5.0, "small": 0.02},
        "failed": None,
    }
    run = {
        "server": "embedded",
        "fills": 10_000_000,
        "steps": [step],
        "tables": [{"name": "a.t", "rows": 10_000_000, "megabytes": 4.0}],
    }
    lines = [line.replace(" ", "") for line in scale_tables(run).splitlines()]
    assert lines[0] == "|step|10Mfills,embedded|"
    assert lines[2] == "|buildinfull|10.0s,2MB+server3MB|"
    assert lines[6:8] == ["|`large`|5.0|", "|allelse|0.0|"]
    assert lines[-1] == "|`a.t`|10,000,000rows,4MB|"


def test_a_server_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(click.UsageError, match="no server oracle here: e"):
        find_servers("oracle")


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
