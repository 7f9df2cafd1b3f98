"""The command: S3, summary, progress, exit codes, a database that is not ready."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import lz4.frame
import orjson
import psycopg
import pytest
from loading import (
    archive,
    archive_lines,
    content,
    count,
    fill,
    fills,
    load,
    loaded,
    parquet,
)

from loaders import ledger, load_to_db
from loaders.objects import natural_key
from pgio.connection import connect

pytestmark = pytest.mark.any_server

pytest_plugins = ["loading_database"]

Database = psycopg.Connection[Any]


def fill_folder(folder: Path) -> None:
    for day in range(3):
        parquet(folder / f"parquet/2025090{day}.parquet", fills(50, first=day * 50))
    for hour in (9, 10):
        lines = archive_lines(fills(30, first=140 + (hour - 9) * 30))
        archive(folder / f"hourly/20250903/{hour}.lz4", lines)


def upload(bucket: Any, folder: Path) -> None:
    for path in folder.rglob("*.*"):
        bucket.upload_file(str(path), f"raw/{path.relative_to(folder).as_posix()}")


def test_s3_prefix_equals_the_folder(
    loading_db: Database, tmp_path: Path, bucket: Any
) -> None:
    fill_folder(tmp_path)
    upload(bucket, tmp_path)
    loaded(tmp_path)
    expected = content(loading_db)
    loading_db.execute("truncate hyperliquid.fills")
    result = loaded("s3://landing/raw/")
    assert "5 loaded, 0 skipped" in result.output
    assert content(loading_db) == expected
    assert len(expected) == 200
    assert "0 loaded, 5 skipped" in loaded("s3://landing/raw").output

    parquet(tmp_path / "parquet/20250900.parquet", fills(51, first=200))
    upload(bucket, tmp_path)
    assert "1 loaded, 4 skipped" in loaded("s3://landing/raw").output
    assert count(loading_db) == 251


def test_s3_glob_key_and_payer(
    loading_db: Database, tmp_path: Path, bucket: Any
) -> None:
    fill_folder(tmp_path)
    upload(bucket, tmp_path)
    loaded("s3://landing/raw/*/20250903/9.lz4", "--request-payer")
    assert count(loading_db) == 30
    loaded("s3://landing/raw/parquet/20250901.parquet")
    assert count(loading_db) == 80


def test_s3_errors_are_one_line(
    loading_db: Database, tmp_path: Path, bucket: Any
) -> None:
    bucket.put_object(Key="raw/notes.txt", Body=b"none")
    for path, complaint in {
        "s3://landing/none": "does not exist, no object's key begins with 'none'",
        "s3://landing/none/*.lz4": "does not exist, no object's key matches",
        "s3://landing/": "nothing found that ends in",
        "s3://landing/raw": "(what is there: raw/notes.txt)",
        "s3://landing/raw/notes.txt": "name its --format",
        "s3://no-such-bucket/x": "bucket does not exist",
    }.items():
        result = load(path)
        assert result.exit_code == 1
        assert result.output.startswith("Error: s3://")
        assert complaint in result.output
        assert len(result.output.splitlines()) == 1


def test_s3_content_and_folders_decide(
    loading_db: Database,
    tmp_path: Path,
    bucket: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    row = {name: value for name, value in fill(0).items() if name != "coin"}
    contents = {
        "raw/coin=%40142/part-0": parquet(tmp_path / "a", [row]).read_bytes(),
        "raw/B.PARQUET": parquet(tmp_path / "b", fills(1, first=1)).read_bytes(),
        "raw/c.gz": gzip.compress(orjson.dumps(fills(1, first=2))),
        "raw/d.parquet": lz4.frame.compress(archive_lines(fills(1, first=3))[0]),
        # The head of the object ends before its first block of LZ4 does.
        "raw/e": lz4.frame.compress(
            b"\n".join(archive_lines(fills(20_000, first=4))),
            block_size=lz4.frame.BLOCKSIZE_MAX4MB,
        ),
        "raw/README": b"nothing",
        "raw/empty": b"",
        "raw/folder/": b"",
        "raw/_SUCCESS": b"",
    }
    for key, body in contents.items():
        bucket.put_object(Key=key, Body=body)
    assert "5 loaded, 0 skipped" in loaded("s3://landing/raw/").output
    assert count(loading_db) == 20_004
    found = loading_db.execute("select coin from hyperliquid.fills where tid = 500000")
    assert found.fetchall() == [("@142",)]
    [warning] = [r.getMessage() for r in caplog.records if "left out" in r.getMessage()]
    assert warning.endswith("raw/README, raw/empty")
    for key in ("raw/c.gz", "raw/coin=%40142/part-0", "raw/e"):
        assert "0 loaded, 1 skipped" in loaded(f"s3://landing/{key}").output


def test_s3_answer_of_the_api(
    loading_db: Database, tmp_path: Path, bucket: Any
) -> None:
    row = {name: value for name, value in fill(0).items() if name != "user"}
    bucket.put_object(Key="answers/1.json", Body=orjson.dumps([row]))
    user = "0x" + "cd" * 20
    loaded("s3://landing/answers/", "--user", user)
    found = loading_db.execute("select user_address from hyperliquid.fills")
    assert found.fetchall() == [(user,)]


def test_s3_object_gone_before_its_turn(
    loading_db: Database, tmp_path: Path, bucket: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_folder(tmp_path)
    upload(bucket, tmp_path)
    list_objects = load_to_db.list_objects

    def list_then_change(*arguments: Any) -> Any:
        found = list_objects(*arguments)
        bucket.Object("raw/parquet/20250900.parquet").delete()
        bucket.put_object(Key="raw/parquet/20250901.parquet", Body=b"other")
        return found

    monkeypatch.setattr(load_to_db, "list_objects", list_then_change)
    result = load("s3://landing/raw/parquet")
    assert result.exit_code == 1
    assert "1 loaded, 0 skipped (loaded before), 2 failed" in result.output
    assert "changed after it was listed" in result.output
    assert count(loading_db) == 50


def test_summary_and_quiet_progress(loading_db: Database, tmp_path: Path) -> None:
    rows = fills(1500)
    rows[0]["px"] = "?"
    parquet(tmp_path / "a.parquet", rows + rows[5:10])
    done = subprocess.run(
        [sys.executable, "-m", "loaders.load_to_db", "fills", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[0] == "objects   1 loaded, 0 skipped (loaded before), 0 failed"
    assert lines[1] == "rows      1,499 loaded, 5 duplicates, 1 quarantined"
    assert lines[2].endswith("rows/s")
    assert len(lines) == 3


def test_progress_on_a_terminal(loading_db: Database, tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", fills(100))
    shown = run_on_a_terminal(tmp_path)
    assert "100 rows" in shown
    assert "rows/s" in shown
    parquet(tmp_path / "a.parquet", fills(101))
    assert "100%" not in run_on_a_terminal(tmp_path, "--no-progress")


def run_on_a_terminal(*arguments: object) -> str:
    """Run the loader with a pseudo-terminal as standard error; return what it saw."""
    reader, writer = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "loaders.load_to_db", "fills", *map(str, arguments)],
        stderr=writer,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
    ) as process:
        os.close(writer)
        seen = b""
        try:
            while data := os.read(reader, 65_536):
                seen += data
        except OSError:  # the other end is closed
            pass
        finally:
            os.close(reader)
    assert process.returncode == 0
    return seen.decode()


def test_missing_tables_name_the_command(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"vigil_test_empty_{os.getpid()}"
    parquet(tmp_path / "a.parquet", fills(1))
    loading_db.execute(f"create database {name}")
    try:
        monkeypatch.setenv("PGDATABASE", name)
        result = load(tmp_path)
    finally:
        loading_db.execute(f"drop database {name} with (force)")
    assert result.exit_code == 1
    assert "hyperliquid.fills" in result.output
    assert "dbt run-operation create_sources" in result.output


def test_no_server_is_one_line(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet(tmp_path / "a.parquet", fills(1))
    monkeypatch.setenv("PGHOST", "127.0.0.1")
    monkeypatch.setenv("PGPORT", "1")
    result = load(tmp_path)
    assert result.exit_code == 1
    assert len(result.output.splitlines()) == 1


def test_lost_connection_fails_one_object(
    loading_db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server ends the first session in mid-load; the worker opens another."""
    begin = ledger.begin_load
    ended: list[int] = []

    def end_the_first(conn: psycopg.Connection[Any]) -> Any:
        if not ended:
            ended.append(conn.info.backend_pid)
            with connect(autocommit=True) as other:
                other.execute("select pg_terminate_backend(%s)", (ended[0],))
        return begin(conn)

    monkeypatch.setattr(ledger, "begin_load", end_the_first)
    for number in range(3):
        parquet(tmp_path / f"{number}.parquet", fills(5, first=number * 5))
    result = load(tmp_path, "--workers", 1)
    assert result.exit_code == 1
    assert "2 loaded, 0 skipped (loaded before), 1 failed" in result.output
    assert "1 loaded, 2 skipped" in loaded(tmp_path).output
    assert count(loading_db) == 15


def test_bad_options() -> None:
    assert load("x", "--max-bad-rows", "much").exit_code == 2
    assert load("x", "--workers", 0).exit_code == 2
    assert load().exit_code == 2


def test_natural_order() -> None:
    names = ["20250902/1.lz4", "20250901/10.lz4", "20250901/9.lz4", "20250901/09.lz4"]
    assert sorted(names, key=natural_key) == [
        "20250901/9.lz4",
        "20250901/09.lz4",
        "20250901/10.lz4",
        "20250902/1.lz4",
    ]
