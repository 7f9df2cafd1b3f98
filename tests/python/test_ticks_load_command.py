"""The command ``ticks``: S3, options, limits, damage, a database that is not ready."""

from __future__ import annotations

import gzip
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from tick_loading import (
    FIRST_ID,
    OTHER_VENUE,
    VENUE,
    Database,
    expected,
    is_consistent,
    load_ticks,
    loaded,
    log_totals,
    refused,
    runs,
    tick_csv,
    ticks,
    trade,
    trades,
)

from devdb.conninfo import connect
from loaders.ticks import transaction

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database", "tick_database"]


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty bucket, reached by the variables that boto3 reads."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    yield boto3.resource("s3").create_bucket(Bucket="ticks")
    server.stop()


def test_s3_prefix_equals_the_folder(
    ticks_db: Database, tmp_path: Path, bucket: Any
) -> None:
    rows = trades(300)
    tick_csv(tmp_path / "2.csv", rows[:100])
    packed = gzip.compress(tick_csv(tmp_path / "x", rows[90:]).read_bytes())
    (tmp_path / "10.csv.gz").write_bytes(packed)
    (tmp_path / "readme.md").write_text("no recording")
    for path in tmp_path.iterdir():
        bucket.upload_file(str(path), f"raw/{path.name}")
    result = loaded("s3://ticks/raw/")
    assert "2 loaded, 0 skipped" in result.output
    assert ticks(ticks_db) == expected(rows)
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 299)]
    assert "0 loaded, 2 skipped" in loaded("s3://ticks/raw/").output
    # Here it is another object, whose ticks are known.
    assert "0 loaded, 310 duplicates" in loaded(tmp_path).output
    assert ticks(ticks_db) == expected(rows)


def test_dry_run_lists_what_is_not_complete(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = [*trades(250), trade(250, volume="0")]
    tick_csv(tmp_path / "a.csv", rows)
    tick_csv(tmp_path / "b.csv", rows[:10])
    loaded(tmp_path / "b.csv")
    refused(tmp_path / "a.csv", "--max-bad-rows", 0)
    before = log_totals(ticks_db)
    result = loaded(tmp_path, "--dry-run")
    [line] = result.output.splitlines()
    assert line.startswith((tmp_path / "a.csv").as_uri())
    assert log_totals(ticks_db) == before


def test_too_many_bad_rows_stop_before_their_batch(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(450)
    rows[120] = trade(120, price="0")
    rows[320] = trade(320, ts="noon")
    rows[321] = trade(321, ts="")
    path = tick_csv(tmp_path / "a.csv", rows)
    message = refused(path, "--max-bad-rows", 2)
    assert "3 of the first 400 rows are bad" in message
    assert "row 322 is one: ts" in message
    assert "ingestion.quarantine" in message
    assert log_totals(ticks_db) == (300, 298, 0, 1, 1)
    is_consistent(ticks_db)

    # The rest, and all that is wrong with it, once.
    result = loaded(path, "--max-bad-rows", "1%")
    assert "149 loaded, 0 duplicates, 2 quarantined" in result.output
    assert len(ticks(ticks_db)) == 447
    found = ticks_db.execute(
        "select row_number, relation, reason from ingestion.quarantine order by 1"
    ).fetchall()
    assert [row[0] for row in found] == [122, 322, 323]
    assert {row[1] for row in found} == {"market_data.btc_ticks"}
    assert "price" in found[0][2]
    assert runs(ticks_db) == [
        *((FIRST_ID, FIRST_ID + 119), (FIRST_ID + 121, FIRST_ID + 319)),
        (FIRST_ID + 322, FIRST_ID + 449),
    ]


def test_a_damaged_object_keeps_what_was_whole(
    ticks_db: Database, tmp_path: Path, small_chunks: int
) -> None:
    rows = trades(3000)
    content = gzip.compress(tick_csv(tmp_path / "x", rows).read_bytes())
    path = tmp_path / "a.csv.gz"
    path.write_bytes(content[: len(content) // 2])
    message = refused(path)
    assert path.name in message
    stored = ticks(ticks_db)
    assert 0 < len(stored) < 3000
    assert stored == expected(rows[: len(stored)])
    path.write_bytes(content)
    loaded(path)
    assert ticks(ticks_db) == expected(rows)


def test_columns_are_mapped(ticks_db: Database, tmp_path: Path) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(10))
    text = path.read_text().replace("ts,source_seq", "when,id")
    path.write_text(text)
    message = refused(path, "--format", "csv")
    assert "source_seq" in message
    loaded(path, "--format", "csv", "--columns", "ts=when,source_seq=id")
    assert ticks(ticks_db) == expected(trades(10))
    # Said in other words it is another load, whose ticks are known.
    again = loaded(
        path, "--format", "csv", "--column", "ts=when", "--column", "source_seq=1"
    )
    assert "10 duplicates" in again.output


def test_bad_options(ticks_db: Database, tmp_path: Path) -> None:
    path = tick_csv(tmp_path / "a.csv", trades(10))
    assert load_ticks(path, "--columns", "ts").exit_code == 2
    for name in ("", "Binance Spot", "exchange:x", "1a"):
        assert load_ticks(path, "--exchange", name).exit_code == 2
    result = load_ticks(path, "--format", "parquet")
    assert result.exit_code == 2
    assert "csv" in result.output
    assert "--exchange" in refused(path, exchange=None)
    path.write_text("no recording\n")
    assert "--format" in refused(path)
    assert log_totals(ticks_db)[0] is None


def test_a_lost_connection_goes_on_where_it_was(
    ticks_db: Database,
    tmp_path: Path,
    small_chunks: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server ends the session in mid-load; the next run takes the rest."""
    write = transaction.insert_ticks
    batches: list[int] = []

    def end_the_third(conn: psycopg.Connection[Any], *arguments: Any) -> Any:
        batches.append(conn.info.backend_pid)
        if len(batches) == 3:
            with connect(autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", (batches[0],))
        return write(conn, *arguments)

    monkeypatch.setattr(transaction, "insert_ticks", end_the_third)
    tick_csv(tmp_path / "a.csv", trades(450))
    tick_csv(tmp_path / "b.csv", trades(150, 450))
    result = load_ticks(tmp_path, "--workers", 1, "--exchange", VENUE)
    assert result.exit_code == 1
    assert "1 loaded, 0 skipped (loaded before), 1 failed" in result.output
    is_consistent(ticks_db)
    assert log_totals(ticks_db)[1] == 199 + 150
    assert "251 loaded, 0 duplicates" in loaded(tmp_path).output
    assert ticks(ticks_db) == expected(trades(600))
    assert runs(ticks_db) == [(FIRST_ID, FIRST_ID + 599)]


def test_missing_tables_name_the_command(
    ticks_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"vigil_test_empty_{os.getpid()}"
    path = tick_csv(tmp_path / "a.csv", trades(1))
    ticks_db.execute(f"create database {name}")
    try:
        monkeypatch.setenv("PGDATABASE", name)
        result = load_ticks(path, "--exchange", OTHER_VENUE)
    finally:
        ticks_db.execute(f"drop database {name} with (force)")
    assert result.exit_code == 1
    for table in ("market_data.btc_ticks", "ingestion.sequence_runs"):
        assert table in result.output
    assert "dbt run-operation create_sources" in result.output


def test_help_names_what_there_is() -> None:
    result = load_ticks("--help")
    assert result.exit_code == 0
    for option in ("--exchange", "--symbol", "--columns", "--workers", "--dry-run"):
        assert option in result.output
